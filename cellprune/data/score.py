"""Anybody's results, judged by truth: label images in, the scores of cells out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellprune.data.cells import ctc, results, track_file
from cellprune.data.cells.frames import Frame
from cellprune.data.cells.matching import draw_only, regions
from cellprune.data.cells.results import Pairs
from cellprune.data.cells.truth import completeness, target
from cellprune.data.sets import cards
from cellprune.errors import CellpruneError
from cellprune.evaluation.cells import (
    CellCount,
    MarkerCount,
    MatchedMarkers,
    ScoredCells,
    count,
    det,
    match_markers,
    summary,
    total,
)
from cellprune.evaluation.contingency import areas
from cellprune.evaluation.iou import IGNORED
from cellprune.evaluation.tracks import LinkCount, count_links, lnk, tra
from cellprune.images.read import ImageError, Labels, read_header, read_labels
from cellprune.images.scattered import require_cells
from cellprune.wording import many


@dataclass(frozen=True)
class ScoredMarkers:
    """A frame whose markers were counted; `id`, `sequence` and `frame` as of `ScoredCells`."""

    id: str
    sequence: str
    frame: int
    count: MarkerCount


@dataclass(frozen=True)
class ScoredFolder:
    """A folder of results, judged.

    Attributes:
        field_of_interest_px: width of the outer band in which cells do not count.
        scores: name -> value: those of `evaluation.cells.CELL_SCORES`, "det", "tra", "lnk", "op_csb" and "op_ctb"; None
            where nothing is to be judged.
        total: of all images together.
        images: every image with outlines.
        markers: every frame with markers; empty without tracking truth.
        links: of the tracks; None where truth or result has none.
        notes: what a reader of the scores should know.
    """

    truth: str
    result: str
    field_of_interest_px: int
    scores: Mapping[str, float | None]
    total: CellCount
    images: tuple[ScoredCells, ...]
    markers: tuple[ScoredMarkers, ...]
    links: LinkCount | None
    notes: tuple[str, ...]


def score(truth: Path, result: Path, *, field_of_interest_px: int | None = None) -> ScoredFolder:
    """Judge the label images in a folder by those in another.

    Args:
        truth, result: see `data.cells.results`.
        field_of_interest_px: width of the outer band in which cells do not count; None for that of the set's card if
            the truth lies in a folder of its name, else 0.
    Raises:
        LayoutError: truth without its result, or no truth.
        ImageError: a file that holds no labels but grey levels, or differs in size from its truth.
        TrackError: a file of tracks and its images disagree.
    """
    pairs = results.pair(truth, result)
    band_px = _known_band_px(truth) if field_of_interest_px is None else field_of_interest_px
    _require_sizes(pairs.frames)
    for side in ([frame.gold for frame in pairs.frames if frame.gold], [frame.image for frame in pairs.frames]):
        require_cells((path, read_labels(path)) for path in side)
    reader = _Reader(pairs)
    cells, matched = [], {}
    tracks = _Tracks(pairs) if pairs.has_markers and pairs.true_tracks and pairs.tracks else None
    for frame in pairs.frames:
        found = reader.result(frame.image)
        if frame.gold:
            counted = count(reader.gold(frame.gold), found, ignored=_ignored(frame), field_of_interest_px=band_px)
            cells.append(ScoredCells(frame.id, frame.sequence, frame.number, counted))
        if frame.markers and pairs.has_markers:
            markers = read_labels(frame.markers)
            matched[frame.number] = match_markers(markers, found, field_of_interest_px=band_px)
            if tracks:
                tracks.saw(frame.number, markers, found)
    counts = [image.count for image in cells]
    links = tracks.links(matched) if tracks else None
    return ScoredFolder(
        truth=str(truth),
        result=str(result),
        field_of_interest_px=band_px,
        scores=_scores(counts, [frame.count for frame in matched.values()], links),
        total=total(counts),
        images=tuple(cells),
        markers=tuple(
            ScoredMarkers(frame.id, frame.sequence, frame.number, matched[frame.number].count)
            for frame in pairs.frames
            if frame.number in matched
        ),
        links=links,
        notes=tuple(_notes(pairs, reader)),
    )


def _scores(
    cells: Sequence[CellCount], markers: Sequence[MarkerCount], links: LinkCount | None
) -> dict[str, float | None]:
    """Give every score by its name; OP_CSB and OP_CTB are the challenge's means of SEG with DET and with TRA."""
    scores = {**summary(cells), "det": det(markers)}
    scores |= {"tra": tra(markers, links) if links else None, "lnk": lnk(links) if links else None}
    for name, other in (("op_csb", "det"), ("op_ctb", "tra")):
        first, second = scores["seg"], scores[other]
        scores[name] = None if first is None or second is None else (first + second) / 2
    return scores


class TrackError(CellpruneError):
    """A file of tracks and the images that it is about disagree."""


class _Tracks:
    """The tracks of both sides, as files list them and as images show them."""

    def __init__(self, pairs: Pairs) -> None:
        assert pairs.true_tracks
        assert pairs.tracks
        self._paths = (pairs.true_tracks, pairs.tracks)
        self._recorded = pairs.numbers
        self._listed = tuple(map(ctc.tracks, self._paths))
        self._shown: tuple[dict[int, list[int]], dict[int, list[int]]] = ({}, {})

    def saw(self, frame: int, markers: Labels, found: Labels) -> None:
        """Keep which tracks the next frame shows."""
        for shown, labels in zip(self._shown, (markers, found), strict=True):
            for label in areas(labels).numbers.tolist():
                shown.setdefault(label, []).append(frame)

    def links(self, matched: Mapping[int, MatchedMarkers]) -> LinkCount:
        """Count the links, once all frames were seen.

        Raises:
            TrackError: says the first disagreement.
        """
        frames = list(matched)
        of_both = [
            track_file.faults(path, listed, shown, frames, self._recorded)
            for path, listed, shown in zip(self._paths, self._listed, self._shown, strict=True)
        ]
        if self._recorded:
            of_both.append(track_file.beyond(self._paths[1], self._listed[1], self._recorded[-1]))
        if fault := next(chain.from_iterable(of_both), None):
            raise TrackError(f"{fault}: correct the file or the images")
        return count_links(matched, *self._listed)


class _Reader:
    """Reads the labels of both sides.

    Where a side of plain folders draws cells without numbers, every connected piece is a cell. In the challenge a
    number is a cell, in however many pieces.
    """

    def __init__(self, pairs: Pairs) -> None:
        self.draws_truth = draw_only(read_labels(frame.gold) for frame in pairs.frames if frame.gold)
        self.draws_result = draw_only(read_labels(frame.image) for frame in pairs.frames)
        self._of_challenge = pairs.of_challenge

    def gold(self, path: Path) -> Labels:
        return self._numbered(path, self.draws_truth)

    def result(self, path: Path) -> Labels:
        return self._numbered(path, self.draws_result)

    def _numbered(self, path: Path, draws_only: bool) -> Labels:
        labels = read_labels(path)
        return regions(labels) if draws_only and not self._of_challenge else labels


def _known_band_px(truth: Path) -> int:
    """Give the field of interest that the card of the truth's set knows; 0 for a folder of another name."""
    names = [folder.name for folder in truth.resolve().parents][:2]
    known = next((cards.card(name) for name in names if name in cards.names()), None)
    return (known.field_of_interest_px if known else None) or 0


def _require_sizes(frames: Sequence[Frame]) -> None:
    for frame in frames:
        size = read_header(frame.image).size
        for kind, path in frame.files.items():
            if (other := read_header(path).size) != size:
                what = "its truth" if kind in ("gold", "markers") else f"the {kind} image"
                raise ImageError(
                    f"{frame.image} is {size[0]} x {size[1]} pixels, but {what} {path} is {other[0]} x {other[1]}: "
                    "score results at the size of the images"
                )


def _ignored(frame: Frame) -> NDArray[np.bool_] | None:
    """Tell where truth is unknown: cells that have a marker and no outline, and what an ignore image says."""
    if frame.markers is None and frame.ignore is None:
        return None
    return target(frame, "ignore") == IGNORED


def _notes(pairs: Pairs, reader: _Reader) -> Iterator[str]:
    for side, draws_only in (("truth", reader.draws_truth), ("result", reader.draws_result)):
        if draws_only:
            rule = "it counts as one cell per frame" if pairs.of_challenge else "every connected piece counts as a cell"
            yield f"the {side} has one number for all cells: {rule}"
    partial = [completeness(frame) for frame in pairs.frames if frame.gold and frame.markers]
    if missing := [cells.n_missing for cells in partial if cells.n_missing]:
        where = f"{many(sum(missing), 'tracked cell')} in {many(len(missing), 'gold frame')}"
        yield f"no outline for {where}: what is found there is not extra"
    if pairs.of_challenge and not pairs.has_markers:
        yield "DET needs a marker for each cell (man_track000.tif in 01_GT/TRA), so it is not computed"
    if pairs.has_markers and not (pairs.true_tracks and pairs.tracks):
        needed = "the result's res_track.txt" if pairs.true_tracks else "01_GT/TRA/man_track.txt"
        yield f"TRA and LNK need {needed}, so they are not computed"
    if not any(frame.gold for frame in pairs.frames):
        yield "no cell is outlined (man_seg000.tif in 01_GT/SEG), so SEG is not computed"
    yield from results.left_out(pairs)
