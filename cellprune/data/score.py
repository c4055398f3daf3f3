"""Anybody's results, judged by truth: label images in, the scores of cells out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellprune.data.cells import results
from cellprune.data.cells.frames import Frame
from cellprune.data.cells.matching import draw_only, regions
from cellprune.data.cells.results import Pairs
from cellprune.data.cells.truth import completeness, target
from cellprune.data.sets import cards
from cellprune.evaluation.cells import (
    CellCount,
    MarkerCount,
    ScoredCells,
    count,
    count_markers,
    det,
    summary,
    total,
)
from cellprune.evaluation.iou import IGNORED
from cellprune.images.read import ImageError, Labels, read_header, read_labels
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
        scores: name -> value, those of `evaluation.cells.CELL_SCORES` and "det"; None where nothing is to be judged.
        total: of all images together.
        images: every image with outlines.
        markers: every frame with markers; empty without tracking truth.
        notes: what a reader of the scores should know.
    """

    truth: str
    result: str
    field_of_interest_px: int
    scores: Mapping[str, float | None]
    total: CellCount
    images: tuple[ScoredCells, ...]
    markers: tuple[ScoredMarkers, ...]
    notes: tuple[str, ...]


def score(truth: Path, result: Path, *, field_of_interest_px: int | None = None) -> ScoredFolder:
    """Judge the label images in a folder by those in another.

    Args:
        truth, result: see `data.cells.results`.
        field_of_interest_px: width of the outer band in which cells do not count; None for that of the set's card if
            the truth lies in a folder of its name, else 0.
    Raises:
        LayoutError: truth without its result, or no truth.
        ImageError: a file that holds no labels, or differs in size from its truth.
    """
    pairs = results.pair(truth, result)
    band_px = _known_band_px(truth) if field_of_interest_px is None else field_of_interest_px
    _require_sizes(pairs.frames)
    reader = _Reader(pairs)
    cells, markers = [], []
    for frame in pairs.frames:
        found = reader.result(frame.image)
        name = (frame.id, frame.sequence, frame.number)
        if frame.gold:
            counted = count(reader.gold(frame.gold), found, ignored=_ignored(frame), field_of_interest_px=band_px)
            cells.append(ScoredCells(*name, counted))
        if frame.markers and pairs.has_markers:
            marked = count_markers(read_labels(frame.markers), found, field_of_interest_px=band_px)
            markers.append(ScoredMarkers(*name, marked))
    counts = [image.count for image in cells]
    return ScoredFolder(
        truth=str(truth),
        result=str(result),
        field_of_interest_px=band_px,
        scores={**summary(counts), "det": det([frame.count for frame in markers])},
        total=total(counts),
        images=tuple(cells),
        markers=tuple(markers),
        notes=tuple(_notes(pairs, reader)),
    )


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
    if not any(frame.gold for frame in pairs.frames):
        yield "no cell is outlined (man_seg000.tif in 01_GT/SEG), so DET alone is computed"
    yield from results.left_out(pairs)
