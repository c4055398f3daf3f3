"""The numbers by which cells are linked, chosen by LNK on true tracks of recordings of which nothing is held out.

The markers of the truth are linked as if they were found cells, so every cell is found. The frames in which a cell may
be missed are not tried: the truth has no link over a gap, so LNK counts a right one as wrong and would choose 0, also
with markers hidden.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, astuple, dataclass, replace
from functools import partial

from cellprune.data.cells import ctc
from cellprune.data.cells.frames import Dataset
from cellprune.data.cells.frames import Frame as DataFrame
from cellprune.data.cells.split import Split
from cellprune.data.parts import Frames, Parts
from cellprune.evaluation.cells import MarkerCount, MatchedMarkers
from cellprune.evaluation.contingency import Contingency
from cellprune.evaluation.tracks import LinkCount, Track, count_links, lnk
from cellprune.images.read import read_labels
from cellprune.lab.linking import Frame, FrameCells, linked, measured, overlaps, step_of, usual_distance_px
from cellprune.lab.tracks import gapless
from cellprune.runs.linking import Linking
from cellprune.runs.tuning import LinkTuning, TriedLinking

_DISTANCES = (0.5, 0.75, 1.5, 2.0)  # parts of the usual one
_OFF_MIDDLES = (0.0, 0.125, 0.375, 0.5)
_OVERLAPS = (0.5, 2.0)


@dataclass(frozen=True, eq=False)
class _Recording:
    """True tracks and the cells that show them.

    Attributes:
        cells: the markers of each frame, measured.
        shared: what they share with those of the frame before.
        tracks: label -> track.
    """

    cells: Sequence[FrameCells]
    shared: Sequence[Contingency | None]
    tracks: dict[int, Track]


def of(frames: Frames, split: Parts) -> LinkTuning | None:
    """Try numbers of the linker one after another, and keep each that links better.

    Args:
        frames: the data of a run.
        split: whose training part names the recordings; one with a held-out frame has no say.
    Returns:
        What was tried, the usual numbers first, and what was chosen: of equals the first. None without true tracks.
    """
    if not isinstance(frames, Dataset) or not isinstance(split, Split):
        return None
    read = {name: _recording(frames, name) for name in _free(split)}
    tracked = {name: recording for name, recording in read.items() if recording is not None}
    recordings, own = list(tracked.values()), Linking()
    if (score := _lnk(recordings, own)) is None:
        return None
    tried = [TriedLinking(own, score)]
    usual_px = usual_distance_px([cells for recording in recordings for cells in recording.cells])
    for changed in _changes(usual_px):
        tried += [TriedLinking(by, _lnk(recordings, by) or 0.0) for by in changed(tried[_best(tried)].linking)]
    return LinkTuning(tuple(tried), _best(tried), tuple(tracked), sum(_count(one, own).true for one in recordings))


def header(links: LinkTuning | None) -> dict[str, object]:
    """Give what the model file says of it, as JSON values; nothing where the usual numbers stay."""
    return {"linking": asdict(links.after.linking)} if links and links.chosen else {}


def _free(split: Split) -> tuple[str, ...]:
    """Name the recordings that were learned from and of which nothing is held out."""
    dropped = (drop.frame for drop in split.dropped if drop.part != "train")
    held_out = {frame.sequence for frame in (*split.select, *split.report, *dropped)}
    return tuple(sorted({frame.sequence for frame in split.train} - held_out))


def _recording(dataset: Dataset, name: str) -> _Recording | None:
    """Read the true tracks of a recording; None where it has none."""
    shown = [frame for frame in dataset.frames if frame.sequence == name and frame.markers]
    listed = ctc.tracks_path(dataset.root, name)
    if not shown or not listed.is_file():
        return None
    frames = list(_frames(shown))
    if step_of([frame.number for frame in frames]) != 1:  # `gapless` would number the frames anew
        return None
    return _Recording([measured(frame) for frame in frames], list(overlaps(frames)), ctc.tracks(listed))


def _frames(shown: Iterable[DataFrame]) -> Iterator[Frame]:
    for frame in shown:
        assert frame.markers
        yield Frame(frame.number, partial(read_labels, frame.markers))


def _changes(usual_px: float) -> tuple[Callable[[Linking], list[Linking]], ...]:
    """Give what is tried of one number after another, by the numbers that are best so far."""
    return (
        lambda by: [replace(by, max_distance_px=round(part * usual_px, 2)) for part in _DISTANCES],
        lambda by: [replace(by, off_middle=part) for part in _OFF_MIDDLES],
        lambda by: [replace(by, overlap=cost) for cost in _OVERLAPS],
    )


def _best(tried: Sequence[TriedLinking]) -> int:
    return max(range(len(tried)), key=lambda at: (tried[at].lnk, -at))


def _lnk(recordings: Sequence[_Recording], by: Linking) -> float | None:
    """Give LNK of all recordings together."""
    counts = [_count(recording, by) for recording in recordings]
    return lnk(LinkCount(*map(sum, zip(*map(astuple, counts), strict=True)))) if counts else None


def _count(recording: _Recording, by: Linking) -> LinkCount:
    made = linked(recording.cells, recording.shared, by)
    parts, tracks = gapless(made)
    shown = {
        cells.number: _all_found(dict(zip(numbers.tolist(), cells.labels.tolist(), strict=True)))
        for cells, numbers in zip(recording.cells, parts, strict=True)
    }
    return count_links(shown, recording.tracks, {track.label: track for track in tracks})


def _all_found(marker_of: dict[int, int]) -> MatchedMarkers:
    return MatchedMarkers(
        MarkerCount(len(marker_of), len(marker_of), 0, 0, 0), frozenset(marker_of.values()), marker_of
    )
