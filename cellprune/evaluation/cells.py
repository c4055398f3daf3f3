"""Cells found of true cells, counted image by image, and the scores made of the counts.

A found cell *covers* a true cell if it shares more than half of the true cell's pixels; at most one can. IoU is
|T & F| / |T | F| of a true cell T and a found cell F.

`seg`            SEG of the Cell Tracking Challenge: mean over the true cells of the IoU with the found cell that covers
                 them, 0 where none does
`ap_50`, `_75`, `_90`  TP / (true + found - TP), TP the pairs with an IoU above 0.5, 0.75, 0.9
`count_error`    sum over images of |found - true|, as a share of the true cells
`area_error`     mean of |area F - area T| / area T over the pairs with an IoU above 0.5
`merged_share`   of the true cells: the cell that covers them also covers another true cell
`split_share`    of the true cells: two or more found cells lie in them, each by more than half of its own pixels
`missed_share`   of the true cells: no cell covers them, and they are not split
`extra_share`    of the found cells: they cover no true cell, and do not lie in one by more than half of their pixels

Counts of all images are summed first. A score without anything to judge is None, never 0 or 1. In an image without true
cells every found cell is extra; in one without found cells every true cell is missed.

What does not count: cells wholly outside the field of interest; true cells of which more than half is ignored; found
cells of which more than half is ignored, unless they cover a true cell. Areas and IoUs are always of whole cells.

`det`, DET of the challenge, takes markers instead of outlines:
1 - min(1, (10 missed + 1 extra + 5 to split) / (10 markers)). A marker that no found cell covers is missed; a found
cell that covers none is extra; one that covers k has k - 1 to split.

Source: Maska et al. 2014 (10.1093/bioinformatics/btu080), section 2.4, for SEG; Matula et al. 2015
(10.1371/journal.pone.0144959), for DET and its weights; Caicedo et al. 2019 (10.1038/s41592-019-0612-7) for AP, the
score of the 2018 Data Science Bowl at one threshold.
Note: an IoU of exactly the threshold is no match here, so that matches are unique at 0.5. StarDist and Cellpose take it
for one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cellprune.evaluation.contingency import Cells, Contingency, Counts, Labels, contingency, inside_px

THRESHOLDS = (0.5, 0.75, 0.9)
Error = Literal["merged", "split", "missed", "extra"]
"""What may be wrong with a cell, each a field of `CellCount`."""
_Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class CellCount:
    """Cells of an image, or of many; see the module for the words.

    Attributes:
        true: outlined cells.
        found: cells of the result.
        jaccard: sum over the true cells of the IoU with the cell that covers them.
        matched: pairs with an IoU above each of `THRESHOLDS`.
        area_error: sum over the pairs above the first threshold of |found - true area| / true area.
        miscounted: sum over the images of |found - true|.
    """

    true: int
    found: int
    jaccard: float
    matched: tuple[int, int, int]
    area_error: float
    miscounted: int
    merged: int
    split: int
    missed: int
    extra: int


@dataclass(frozen=True, eq=False)
class JudgedCells:
    """What became of the cells of one image; see the module for the words. Cells that do not count are not in it.

    Attributes:
        true, found: the cells that count, T and F of them.
        covered_by: (T,) the label of the found cell that covers each true cell; 0 where none does.
        lies_in: (F,) the label of the true cell that holds more than half of each found cell; 0 where none does.
        merged, split, missed: (T,) whether each true cell is.
        extra: (F,) whether each found cell is.
        count: their numbers.
    """

    true: Cells
    found: Cells
    covered_by: Counts
    lies_in: Counts
    merged: _Flags
    split: _Flags
    missed: _Flags
    extra: _Flags
    count: CellCount


@dataclass(frozen=True)
class MarkerCount:
    """Markers of an image, and the cells found there; see `det`.

    Attributes:
        to_split: cuts that would part the found cells which cover several markers.
    """

    markers: int
    found: int
    missed: int
    extra: int
    to_split: int

    @property
    def cost(self) -> int:
        """The challenge's price of all corrections; a missed marker costs 10."""
        return 10 * self.missed + self.extra + 5 * self.to_split


@dataclass(frozen=True, eq=False)
class MatchedMarkers:
    """The markers of one image and the cells found there.

    Attributes:
        count: what DET is made of.
        markers: numbers of the markers that count.
        marker_of: number of a found cell that covers one marker and no other -> number of that marker.
    """

    count: MarkerCount
    markers: frozenset[int]
    marker_of: Mapping[int, int]


@dataclass(frozen=True)
class ScoredCells:
    """An image whose cells were counted, at native size.

    Attributes:
        id: its name for people.
        sequence: the recording or folder that it is from.
        frame: its number there.
    """

    id: str
    sequence: str
    frame: int
    count: CellCount


def count(truth: Labels, found: Labels, *, ignored: _Flags | None = None, field_of_interest_px: int = 0) -> CellCount:
    """Count the cells of one image from which every score can be made, now or later; see `judge`."""
    return judge(truth, found, ignored=ignored, field_of_interest_px=field_of_interest_px).count


def judge(truth: Labels, found: Labels, *, ignored: _Flags | None = None, field_of_interest_px: int = 0) -> JudgedCells:
    """Say what became of every cell of one image.

    Args:
        truth: (H, W) outlined cells.
        found: (H, W) cells of a result.
        ignored: (H, W) True where the truth is unknown; None where all of it is known.
        field_of_interest_px: width of the outer band; cells that lie wholly in it do not count.
    Raises:
        ValueError: shapes differ, or a label is no whole number in 0..2^31-1.
    Example:
        >>> judged = judge(np.array([[1, 1, 2, 2, 0, 7]]), np.array([[5, 5, 5, 5, 0, 0]]))
        >>> judged.merged.tolist(), judged.missed.tolist(), judged.covered_by.tolist()
        ([True, True, False], [False, False, True], [5, 5, 0])
    """
    table = contingency(truth, found)
    is_true, is_found = _in_field(table, truth, found, field_of_interest_px)
    if ignored is not None:
        is_true &= 2 * inside_px(truth, ignored) <= table.first.area_px
    covering = _covering(table, is_true, is_found)
    if ignored is not None:
        covers = np.bincount(table.at_second[covering], minlength=len(table.second)) > 0
        is_found &= covers | (2 * inside_px(found, ignored) <= table.second.area_px)
    return _judged(table, is_true, is_found)


def match_markers(markers: Labels, found: Labels, *, field_of_interest_px: int = 0) -> MatchedMarkers:
    """Find which cells of one image cover which markers; arguments and errors as of `count`."""
    table = contingency(markers, found)
    is_marker, is_found = _in_field(table, markers, found, field_of_interest_px)
    covering = _covering(table, is_marker, is_found)
    at_marker, at_found = table.at_first[covering], table.at_second[covering]
    covers = np.bincount(at_found, minlength=len(table.second))
    n_covered = covers[is_found]
    n_markers = int(is_marker.sum())
    counted = MarkerCount(
        markers=n_markers,
        found=int(is_found.sum()),
        missed=n_markers - int(n_covered.sum()),
        extra=int((n_covered == 0).sum()),
        to_split=int((n_covered - 1).clip(min=0).sum()),
    )
    alone = covers[at_found] == 1
    pairs = (table.second.numbers[at_found[alone]].tolist(), table.first.numbers[at_marker[alone]].tolist())
    return MatchedMarkers(counted, frozenset(table.first.numbers[is_marker].tolist()), dict(zip(*pairs, strict=True)))


def total(counts: Sequence[CellCount]) -> CellCount:
    """Sum the counts of images."""
    return CellCount(
        true=sum(c.true for c in counts),
        found=sum(c.found for c in counts),
        jaccard=sum(c.jaccard for c in counts),
        matched=(
            sum(c.matched[0] for c in counts),
            sum(c.matched[1] for c in counts),
            sum(c.matched[2] for c in counts),
        ),
        area_error=sum(c.area_error for c in counts),
        miscounted=sum(c.miscounted for c in counts),
        merged=sum(c.merged for c in counts),
        split=sum(c.split for c in counts),
        missed=sum(c.missed for c in counts),
        extra=sum(c.extra for c in counts),
    )


def summary(counts: Sequence[CellCount]) -> dict[str, float | None]:
    """Give every score of some images, by its name in `CELL_SCORES`; None where nothing is to be judged."""
    counted = total(counts)
    return {name: score.of(counted) for name, score in CELL_SCORES.items()}


def det(counts: Sequence[MarkerCount]) -> float | None:
    """Give DET of some images, larger is better; None without any marker."""
    n_markers = sum(c.markers for c in counts)
    if not n_markers:
        return None
    return 1 - min(sum(c.cost for c in counts), 10 * n_markers) / (10 * n_markers)


def _judged(table: Contingency, is_true: _Flags, is_found: _Flags) -> JudgedCells:
    pairs = is_true[table.at_first] & is_found[table.at_second]
    at_true, at_found, shared_px = table.at_first[pairs], table.at_second[pairs], table.shared_px[pairs]
    true_px, found_px = table.first.area_px[at_true], table.second.area_px[at_found]
    iou = shared_px / (true_px + found_px - shared_px)
    covering, inside = 2 * shared_px > true_px, 2 * shared_px > found_px
    n_covered = np.bincount(at_found[covering], minlength=len(is_found))  # true cells of each found cell
    n_pieces = np.bincount(at_true[inside], minlength=len(is_true))  # found cells in each true cell
    covered_by, lies_in = np.zeros(len(is_true), np.int64), np.zeros(len(is_found), np.int64)
    covered_by[at_true[covering]] = table.second.numbers[at_found[covering]]
    lies_in[at_found[inside]] = table.first.numbers[at_true[inside]]
    merged = np.zeros(len(is_true), bool)
    merged[at_true[covering]] = n_covered[at_found[covering]] > 1
    split = n_pieces > 1
    missed = is_true & (covered_by == 0) & ~split
    extra = is_found & (n_covered == 0) & (lies_in == 0)
    alike = iou > THRESHOLDS[0]
    at_50, at_75, at_90 = (int((iou > threshold).sum()) for threshold in THRESHOLDS)
    n_true, n_found = int(is_true.sum()), int(is_found.sum())
    counted = CellCount(
        true=n_true,
        found=n_found,
        jaccard=float(iou[covering].sum()),
        matched=(at_50, at_75, at_90),
        area_error=float((np.abs(found_px - true_px) / true_px)[alike].sum()),
        miscounted=abs(n_found - n_true),
        merged=int(merged.sum()),
        split=int(split.sum()),
        missed=int(missed.sum()),
        extra=int(extra.sum()),
    )
    return JudgedCells(
        table.first.only(is_true), table.second.only(is_found), covered_by[is_true], lies_in[is_found],
        merged[is_true], split[is_true], missed[is_true], extra[is_found], counted,
    )  # fmt: skip


def _covering(table: Contingency, is_true: _Flags, is_found: _Flags) -> _Flags:
    """Tell in which pairs the second cell covers the first, of the cells that count."""
    counts = is_true[table.at_first] & is_found[table.at_second]
    return counts & (2 * table.shared_px > table.first.area_px[table.at_first])


def _in_field(table: Contingency, first: Labels, second: Labels, band_px: int) -> tuple[_Flags, _Flags]:
    """Tell of each cell of both label images whether it has a pixel inside of the outer band."""
    if not band_px:
        return np.ones(len(table.first), bool), np.ones(len(table.second), bool)
    field = np.zeros(first.shape, bool)
    field[band_px : first.shape[0] - band_px, band_px : first.shape[1] - band_px] = True
    return inside_px(first, field) > 0, inside_px(second, field) > 0


@dataclass(frozen=True)
class CellScore:
    """A score of cells: a part of their summed counts, over the whole that it is a part of.

    Attributes:
        part, whole: the counts -> numerator and denominator.
        label: what it is called on pages and at a terminal.
        meaning: in a few words.
        is_fault: a share of cells or of their area that is wrong, so that smaller is better.
    """

    part: Callable[[CellCount], float]
    whole: Callable[[CellCount], int]
    label: str
    meaning: str
    is_fault: bool = False

    def of(self, count: CellCount) -> float | None:
        """Give the score; None where nothing is to be judged."""
        whole = self.whole(count)
        return self.part(count) / whole if whole else None


def _precision(at: int) -> tuple[Callable[[CellCount], float], Callable[[CellCount], int]]:
    return lambda c: c.matched[at], lambda c: c.true + c.found - c.matched[at]


CELL_SCORES = {
    "seg": CellScore(lambda c: c.jaccard, lambda c: c.true, "SEG", "mean IoU of the true cells; a missed cell has 0"),
    "ap_50": CellScore(*_precision(0), "AP at IoU 0.5", "pairs of cells above this IoU, as a share of all cells"),
    "ap_75": CellScore(*_precision(1), "AP at IoU 0.75", "the same for an IoU above 0.75"),
    "ap_90": CellScore(*_precision(2), "AP at IoU 0.9", "the same for an IoU above 0.9"),
    "count_error": CellScore(
        lambda c: c.miscounted, lambda c: c.true, "count error", "cells too many or too few, image by image", True
    ),
    "area_error": CellScore(
        lambda c: c.area_error, lambda c: c.matched[0], "area error", "mean, of the pairs with an IoU above 0.5", True
    ),
    "merged_share": CellScore(
        lambda c: c.merged, lambda c: c.true, "merged", "true cells that share a found cell with others", True
    ),
    "split_share": CellScore(
        lambda c: c.split, lambda c: c.true, "split", "true cells in which several found cells lie", True
    ),
    "missed_share": CellScore(
        lambda c: c.missed, lambda c: c.true, "missed", "true cells that no found cell covers", True
    ),
    "extra_share": CellScore(lambda c: c.extra, lambda c: c.found, "extra", "found cells where no true cell is", True),
}
