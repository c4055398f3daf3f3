"""Cells linked through time: frame by frame the cheapest assignment, then gaps and divisions.

1. Cells of neighbouring frames that overlap or lie within D of each other are linked one to one, at the least total
   cost d / D + (1 - o): d is the distance of the two centres, D how far a cell may move, o the pixels that they share,
   as a part of the smaller cell, times `overlap`.
2. A cell that is left is one of three. It goes on a track that ended up to `max_gap` frames before, if it lies within
   2/3 D times the root of the frames between. Or it is the second daughter of a cell that was linked to another one, if
   the middle of the two lies within D * `off_middle` of that cell and neither is smaller than half of the other. Or it
   is new. Again the least total cost decides.
3. A division is undone if one of its daughters is seen in one frame only, and that is not the last one.

Frames go by their numbers, so that a frame without a file is a gap like any other. Memory grows with the cells, not
with the pixels: two label images are held at a time.

Source: Jaqaman et al. 2008 (10.1038/nmeth.1237), for the two assignments; theirs are both over all frames. Here the
second is made at each frame, and a division is judged by the middle of both daughters.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching
from scipy.spatial import cKDTree

from cellprune.evaluation.contingency import Contingency, Labels, contingency
from cellprune.runs.linking import Linking

_LONGEST_RADII = 2.0  # a cell moves less than this many radii of the median cell
_AWAY = 1.0  # the cost of moving as far as a cell may; from there on a gap or a division is better left alone
_OVER_GAP = 2 / 3  # of the way that a cell may move, for it to go on after a gap
_SMALLER_DAUGHTER = 0.5  # of the area of the larger one, at least
_NONE = 1e-9  # the solver drops links that cost 0

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Reach:
    """How far and how long a cell is looked for.

    Attributes:
        max_distance_px: between its centres in two frames.
        max_gap: frames in a row in which it may be missed.
    """

    max_distance_px: float
    max_gap: int


@dataclass(frozen=True)
class Frame:
    """A label image of a time-lapse.

    Attributes:
        number: time index; a missing one is a gap.
        read: gives the (H, W) labels, 0 is background; called twice.
    """

    number: int
    read: Callable[[], Labels]


@dataclass(frozen=True, eq=False)
class FrameCells:
    """The cells of a frame, by rising label.

    Attributes:
        number: time index.
        labels: (n,) as the label image has them.
        area_px: (n,).
        position_px: (n, 2) centroids, (y, x); the centre of the first pixel is (0, 0).
    """

    number: int
    labels: Numbers
    area_px: NDArray[np.int64]
    position_px: Floats


@dataclass(frozen=True)
class Tracks:
    """A time-lapse whose cells are linked.

    Attributes:
        frames: the cells of each frame, by rising number.
        track_of: for each frame, (n,) the tracks of its cells, numbers from 1.
        parent_of: track -> the track that divided into it and another; of daughters alone.
        reach: by which they were linked.
        step: see `step_of`.
    """

    frames: tuple[FrameCells, ...]
    track_of: tuple[NDArray[np.int64], ...]
    parent_of: Mapping[int, int]
    reach: Reach
    step: int


def link(frames: Sequence[Frame], by: Linking = Linking()) -> Tracks:  # noqa: B008 (a frozen value)
    """Link the cells of a time-lapse.

    Args:
        frames: by rising number.
        by: the numbers.
    Raises:
        ValueError: shapes differ, or a label is no whole number in 0..2^31-1.
    Example:
        >>> images = [np.array([[5, 5, 0, 0, 2]]), np.array([[0, 7, 7, 0, 0]]), np.array([[0, 1, 1, 0, 6]])]
        >>> tracks = link([Frame(at, lambda at=at: images[at]) for at in range(3)])
        >>> [list(zip(f.labels.tolist(), t.tolist())) for f, t in zip(tracks.frames, tracks.track_of)]
        [[(2, 1), (5, 2)], [(7, 2)], [(1, 2), (6, 1)]]
    """
    return linked([measured(frame) for frame in frames], overlaps(frames), by)


def linked(shown: Sequence[FrameCells], shared: Iterable[Contingency | None], by: Linking) -> Tracks:
    """Link cells that are measured.

    Args:
        shown: the cells of each frame.
        shared: what they share with those of the frame before, see `overlaps`.
        by: the numbers.
    """
    reach = Reach(usual_distance_px(shown) if by.max_distance_px is None else by.max_distance_px, by.max_gap)
    linker, step = _Linker(reach, by), step_of([cells.number for cells in shown])
    for cells, pixels in zip(shown, shared, strict=True):
        linker.add(cells.number // step, cells, pixels)
    return Tracks(tuple(shown), *_lasting(linker.track_of, linker.parent_of), reach, step)


def overlaps(frames: Sequence[Frame]) -> Iterator[Contingency | None]:
    """Give for each frame what its cells share with those of the frame before; None for the first."""
    before: Labels | None = None
    for frame in frames:
        labels = frame.read()
        yield None if before is None else contingency(before, labels)
        before = labels


def step_of(numbers: Sequence[int]) -> int:
    """Say by how much the numbers of frames rise from one to the next, where none is missing.

    Example:
        >>> step_of([5, 15, 45])
        10
    """
    return int(np.gcd.reduce(np.diff(np.array(numbers, np.int64)), initial=0)) or 1


def usual_distance_px(frames: Sequence[FrameCells]) -> float:
    """Say how far a cell may move between two frames: two radii of the median cell, or half of the usual spacing.

    Cells that lie far from each other cannot be mistaken for each other, so that a longer way is taken for one.
    """
    areas = np.concatenate([np.zeros(0), *(frame.area_px for frame in frames)])
    if not areas.size:
        return 0.0
    positions = [frame.position_px for frame in frames if len(frame.labels) > 1]
    spacings = [cKDTree(places).query(places, k=2)[0][:, 1] for places in positions]
    spacing = float(np.median(np.concatenate(spacings))) if spacings else 0.0
    return max(_LONGEST_RADII * float(np.sqrt(np.median(areas) / np.pi)), spacing / 2)


def measured(frame: Frame) -> FrameCells:
    """Measure the cells of a frame."""
    labels = frame.read()
    of_cells = np.flatnonzero(labels)
    numbers, at, areas = np.unique(labels.ravel()[of_cells], return_inverse=True, return_counts=True)
    sums = [np.bincount(at, weights=along) for along in np.divmod(of_cells, labels.shape[1])]
    return FrameCells(frame.number, numbers.astype(np.int64), areas, np.stack(sums, axis=-1) / areas[:, None])


class _Pairs(NamedTuple):
    """What may be linked: rows, columns and costs."""

    rows: Indices
    columns: Indices
    costs: Floats


@dataclass(frozen=True, eq=False)
class _Recent:
    """A frame whose cells may still go on; `moment` counts frames, and `goes_on` says which cells have a next one."""

    moment: int
    cells: FrameCells
    tracks: Numbers
    goes_on: NDArray[np.bool_]


class _Linker:
    """Gives every cell its track, frame by frame."""

    def __init__(self, reach: Reach, by: Linking) -> None:
        self.track_of: list[Numbers] = []
        self.parent_of: dict[int, int] = {}
        self._reach, self._by = reach, by
        self._n_tracks = 0
        self._recent: deque[_Recent] = deque(maxlen=reach.max_gap + 1)

    def add(self, moment: int, cells: FrameCells, shared: Contingency | None) -> None:
        """Link the cells of the next frame.

        Args:
            moment: counts frames, those without a file too.
            shared: what they share with those of the file before; None for the first.
        """
        tracks = np.zeros(len(cells.labels), np.int64)
        mother_of = np.full(len(tracks), -1)
        last = self._recent[-1] if self._recent and self._recent[-1].moment == moment - 1 else None
        if last and shared:
            pairs = _neighbours(last.cells, cells, shared, self._reach.max_distance_px, self._by.overlap)
            rows, columns = _cheapest(pairs, len(last.tracks), len(tracks), _AWAY + self._by.overlap)
            tracks[columns], mother_of[columns] = last.tracks[rows], rows
            last.goes_on[rows] = True
        self._begin(moment, cells, tracks, mother_of, last)
        self.track_of.append(tracks)
        self._recent.append(_Recent(moment, cells, tracks, np.zeros(len(tracks), bool)))

    def _begin(self, moment: int, cells: FrameCells, tracks: Numbers, mother_of: Indices, last: _Recent | None) -> None:
        """Decide for each cell without a track what it goes on, or that it is new."""
        starts = np.flatnonzero(tracks == 0)
        longest = self._reach.max_gap + 1
        earlier = [frame for frame in self._recent if 1 < moment - frame.moment <= longest]
        offers = [self._after_gap(frame, moment - frame.moment, cells, starts) for frame in earlier]
        daughters = np.flatnonzero(mother_of >= 0)
        if last and self._by.off_middle:
            offers.append(self._divisions(last.cells, mother_of, cells, starts, daughters))
        ends = np.cumsum([0, *(len(frame.tracks) for frame in earlier), len(daughters)])
        pairs = _joined(offers, ends)
        for row, column in zip(*_cheapest(pairs, len(starts), int(ends[-1]), _AWAY), strict=True):
            at = int(np.searchsorted(ends, column, side="right")) - 1
            if at < len(earlier):
                tracks[starts[row]] = earlier[at].tracks[column - ends[at]]
                earlier[at].goes_on[column - ends[at]] = True
            else:
                daughter = daughters[column - ends[at]]
                mother = int(tracks[daughter])
                for cell in sorted((daughter, starts[row])):
                    self._n_tracks += 1
                    tracks[cell] = self._n_tracks
                    self.parent_of[self._n_tracks] = mother
        new = np.flatnonzero(tracks == 0)
        tracks[new] = self._n_tracks + 1 + np.arange(len(new))
        self._n_tracks += len(new)

    def _after_gap(self, frame: _Recent, n_frames: int, cells: FrameCells, starts: Indices) -> _Pairs:
        """Offer the cells of an earlier frame that have no next one to those that begin now."""
        reach = self._reach.max_distance_px * n_frames**0.5
        rows, columns, distances = _within(cells.position_px[starts], frame.cells.position_px, reach)
        ended = ~frame.goes_on[columns]
        return _Pairs(rows[ended], columns[ended], _NONE + (distances / (reach * _OVER_GAP))[ended])

    def _divisions(
        self, before: FrameCells, mother_of: Indices, cells: FrameCells, starts: Indices, daughters: Indices
    ) -> _Pairs:
        """Offer cells that began now to those beside them that have a mother, as the second daughter of it."""
        reach = self._reach.max_distance_px
        mothers = mother_of[daughters]
        rows, columns, _ = _within(cells.position_px[starts], before.position_px[mothers], reach)
        first, second = daughters[columns], starts[rows]
        middle = (cells.position_px[first] + cells.position_px[second]) / 2
        off = np.linalg.norm(middle - before.position_px[mothers[columns]], axis=1)
        areas = np.stack([cells.area_px[first], cells.area_px[second]])
        alike = areas.min(axis=0) >= _SMALLER_DAUGHTER * areas.max(axis=0)
        return _Pairs(rows[alike], columns[alike], _NONE + (off / (reach * self._by.off_middle))[alike])


def _lasting(track_of: Sequence[Numbers], parent_of: Mapping[int, int]) -> tuple[tuple[Numbers, ...], dict[int, int]]:
    """Undo divisions with a daughter that is seen once and no more: a cell that fell into two labels for a frame.

    The other daughter is the mother again. The brief one, unless it comes in the last frame, is a track without parent.
    """
    n_seen = np.bincount(np.concatenate([np.zeros(1, np.int64), *track_of]))
    at_end = set(track_of[-1].tolist()) if track_of else set()
    mothers = set(parent_of.values())
    brief = {track for track in parent_of if n_seen[track] == 1 and track not in at_end | mothers}
    undone = {parent_of[track] for track in brief}
    name = np.arange(len(n_seen))
    parents: dict[int, int] = {}
    for track, mother in sorted(parent_of.items()):  # a mother has a lower number, so that its name is final
        if mother not in undone:
            parents[track] = int(name[mother])
        elif track not in brief:
            name[track] = name[mother]
    numbers = np.unique(name, return_inverse=True)[1]  # without those that are gone
    renumbered = {int(numbers[track]): int(numbers[mother]) for track, mother in parents.items()}
    return tuple(numbers[tracks] for tracks in track_of), renumbered


def _neighbours(before: FrameCells, after: FrameCells, shared: Contingency, reach: float, of_overlap: float) -> _Pairs:
    """Give the pairs of cells of two frames that overlap or lie within reach, with their costs."""
    n = len(after.labels)
    rows, columns, _ = _within(before.position_px, after.position_px, reach)
    near, overlapping = rows * n + columns, shared.at_first * n + shared.at_second
    keys = np.union1d(near, overlapping)
    rows, columns = np.divmod(keys, max(n, 1))
    overlap = np.zeros(len(keys))
    smaller = np.minimum(before.area_px[shared.at_first], after.area_px[shared.at_second])
    overlap[np.searchsorted(keys, overlapping)] = shared.shared_px / smaller
    distances = np.linalg.norm(before.position_px[rows] - after.position_px[columns], axis=1)
    return _Pairs(rows, columns, _NONE + distances / reach + of_overlap - of_overlap * overlap)


def _joined(offers: Sequence[_Pairs], starts: Indices) -> _Pairs:
    """Put pairs with columns of several kinds into one, the columns of each kind behind those of the one before."""
    nothing = _Pairs(np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0))
    moved = [offer._replace(columns=offer.columns + start) for offer, start in zip(offers, starts, strict=False)]
    return _Pairs(*map(np.concatenate, zip(*moved, nothing, strict=True)))


def _within(first: Floats, second: Floats, reach: float) -> tuple[Indices, Indices, Floats]:
    """Give the pairs of points that lie within reach of each other, and their distances."""
    if not len(first) or not len(second):
        return np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0)
    near = cKDTree(first).sparse_distance_matrix(cKDTree(second), reach, output_type="ndarray")
    return near["i"], near["j"], near["v"]


def _cheapest(pairs: _Pairs, n_rows: int, n_columns: int, limit: float) -> tuple[Indices, Indices]:
    """Pair rows with columns at the least total cost, where being alone costs `limit`.

    Pairs that nothing else could be part of are taken as they are: the solver's time grows with the square of the rest.
    """
    cheap = pairs.costs < limit
    rows, columns, costs = pairs.rows[cheap], pairs.columns[cheap], pairs.costs[cheap]
    lone = (np.bincount(rows, minlength=n_rows)[rows] == 1) & (np.bincount(columns, minlength=n_columns)[columns] == 1)
    if lone.all():
        return rows, columns
    open_rows, at = np.unique(rows[~lone], return_inverse=True)
    alone = np.arange(len(open_rows))  # a column of its own for each row
    values = np.concatenate([costs[~lone], np.full(len(alone), limit)])
    places = np.concatenate([at, alone]), np.concatenate([columns[~lone], n_columns + alone])
    matched, to = min_weight_full_bipartite_matching(
        csr_array((values, places), shape=(len(alone), n_columns + len(alone)))
    )
    paired = to < n_columns
    return np.concatenate([rows[lone], open_rows[matched[paired]]]), np.concatenate([columns[lone], to[paired]])
