"""Scores of cells: drawn cells with exact answers, the challenge's own numbers, and what must change none of them."""

import time
from collections.abc import Callable
from math import isqrt

import drawn_results
import numpy as np
import pytest

from cellprune.evaluation.cells import (
    CELL_SCORES,
    CellCount,
    MarkerCount,
    count,
    det,
    match_markers,
    summary,
    total,
)

EMPTY = np.zeros((20, 30), np.int32)


def count_markers(markers: np.ndarray, found: np.ndarray, *, field_of_interest_px: int = 0) -> MarkerCount:
    return match_markers(markers, found, field_of_interest_px=field_of_interest_px).count


Box = tuple[int, int, int, int, int]


def image(*boxes: Box) -> np.ndarray:
    """Draw boxes (label, top, bottom, left, right), the later over the earlier."""
    drawn = EMPTY.copy()
    for value, top, bottom, left, right in boxes:
        drawn[top:bottom, left:right] = value
    return drawn


def counted(**fields: object) -> CellCount:
    """Give a count that is 0 but for some fields."""
    none = {"true": 0, "found": 0, "jaccard": 0.0, "matched": (0, 0, 0), "area_error": 0.0, "miscounted": 0,
            "merged": 0, "split": 0, "missed": 0, "extra": 0}  # fmt: skip
    return CellCount(**(none | fields))  # type: ignore[arg-type]


TWO = image((1, 2, 8, 2, 8), (2, 2, 8, 8, 14))  # 36 px each, touching
CASES = {
    "none at all": (EMPTY, EMPTY, counted()),
    "found as they are, with other numbers": (
        TWO, TWO * 7, counted(true=2, found=2, jaccard=2.0, matched=(2, 2, 2)),
    ),
    "touching cells found as one": (
        TWO, (TWO > 0) * 3, counted(true=2, found=1, jaccard=1.0, miscounted=1, merged=2),
    ),
    "one cell found in two halves": (
        image((1, 2, 8, 2, 8)), image((1, 2, 8, 2, 5), (2, 2, 8, 5, 8)),
        counted(true=1, found=2, miscounted=1, split=1),
    ),
    "one cell found, with a speck cut off": (
        image((1, 2, 8, 2, 8)), image((1, 2, 8, 2, 8), (2, 2, 3, 2, 3)),
        counted(true=1, found=2, jaccard=35 / 36, matched=(1, 1, 1), area_error=1 / 36, miscounted=1, split=1),
    ),
    "nothing found": (TWO, EMPTY, counted(true=2, miscounted=2, missed=2)),
    "an image without true cells": (EMPTY, TWO, counted(found=2, miscounted=2, extra=2)),
    "half of a cell covers nothing": (
        image((1, 2, 8, 2, 8)), image((1, 2, 8, 2, 5)), counted(true=1, found=1, missed=1),
    ),
    "a found cell that lies in a cell by half is extra": (
        image((1, 2, 8, 2, 8)), image((1, 2, 8, 5, 11)), counted(true=1, found=1, missed=1, extra=1),
    ),
    "more than half of it does": (
        image((1, 2, 8, 2, 7)), image((1, 2, 8, 2, 5)),
        counted(true=1, found=1, jaccard=0.6, matched=(1, 0, 0), area_error=0.4),
    ),
    "an IoU of exactly 0.75 is not above it": (
        image((1, 2, 8, 2, 6)), image((1, 2, 8, 2, 5)),
        counted(true=1, found=1, jaccard=0.75, matched=(1, 0, 0), area_error=0.25),
    ),
    "a found cell four times as large covers": (
        image((1, 4, 8, 4, 8)), image((1, 2, 10, 2, 10)), counted(true=1, found=1, jaccard=0.25),
    ),
    "a ring and the cell in it": (
        image((1, 2, 12, 2, 12), (2, 4, 10, 4, 10)), image((5, 2, 12, 2, 12)),
        counted(true=2, found=1, jaccard=(64 + 36) / 100, matched=(1, 0, 0), area_error=36 / 64, miscounted=1,
                merged=2),
    ),
    "cells of one pixel": (
        image((1, 0, 1, 0, 1), (2, 0, 1, 1, 2), (3, 19, 20, 29, 30)),
        image((9, 0, 1, 0, 1), (8, 5, 6, 5, 6), (7, 19, 20, 29, 30)),
        counted(true=3, found=3, jaccard=2.0, matched=(2, 2, 2), missed=1, extra=1),
    ),
    "a cell of two pieces is one": (
        image((1, 2, 4, 2, 4), (1, 2, 4, 10, 12)), image((1, 2, 4, 2, 4), (1, 2, 4, 10, 12)),
        counted(true=1, found=1, jaccard=1.0, matched=(1, 1, 1)),
    ),
    "an image without background": (EMPTY + 1, EMPTY + 4, counted(true=1, found=1, jaccard=1.0, matched=(1, 1, 1))),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_drawn_cells_are_counted_exactly(case: str) -> None:
    truth, found, expected = CASES[case]
    assert count(truth, found) == expected


def test_scores_of_summed_counts() -> None:
    counts = [count(truth, found) for truth, found, _ in CASES.values()]
    both = total(counts[1:3])
    assert (both.true, both.found, both.jaccard, both.matched, both.miscounted) == (4, 3, 3.0, (2, 2, 2), 1)
    assert summary(counts[1:3]) == pytest.approx({
        "seg": 0.75, "ap_50": 2 / 5, "ap_75": 2 / 5, "ap_90": 2 / 5, "count_error": 0.25, "area_error": 0.0,
        "merged_share": 0.5, "split_share": 0.0, "missed_share": 0.0, "extra_share": 0.0,
    })  # fmt: skip
    one_more_one_less = [count(EMPTY, image((1, 0, 1, 0, 1))), count(image((1, 0, 1, 0, 1)), EMPTY)]
    assert summary(one_more_one_less)["count_error"] == 2, "errors of two images do not cancel"


@pytest.mark.parametrize("counts", [[], [count(EMPTY, EMPTY)]])
def test_without_cells_nothing_is_defined(counts: list[CellCount]) -> None:
    assert summary(counts) == dict.fromkeys(CELL_SCORES)
    assert summary([count(EMPTY, TWO)]) == dict.fromkeys(CELL_SCORES) | {
        "ap_50": 0.0, "ap_75": 0.0, "ap_90": 0.0, "extra_share": 1.0,
    }  # fmt: skip
    assert det([]) is None
    assert det([count_markers(EMPTY, TWO)]) is None


def test_cells_wholly_in_the_outer_band_do_not_count() -> None:
    edge, crossing = image((1, 0, 3, 5, 15)), image((2, 0, 6, 20, 25))
    alike = count(edge + crossing, (edge + crossing) * 2)
    assert (alike.true, alike.found) == (2, 2)
    inner = count(edge + crossing, (edge + crossing) * 2, field_of_interest_px=3)
    assert inner == counted(true=1, found=1, jaccard=1.0, matched=(1, 1, 1)), "a cell that reaches inside is whole"
    assert count(crossing, edge, field_of_interest_px=3) == counted(true=1, miscounted=1, missed=1)
    assert count(edge, edge, field_of_interest_px=10) == counted(), "no pixel is inside"
    assert count_markers(crossing, edge + crossing, field_of_interest_px=3) == MarkerCount(1, 1, 0, 0, 0)


def test_ignored_pixels_take_cells_away_and_change_no_area() -> None:
    truth = image((1, 2, 8, 2, 8))
    ignored = image((1, 2, 8, 5, 30)).astype(bool)
    half_and_more = image((4, 2, 8, 5, 20), (6, 12, 18, 2, 8))
    assert count(truth, half_and_more).found == 2
    assert count(truth, half_and_more, ignored=ignored) == counted(true=1, found=1, missed=1, extra=1)
    covering = image((4, 2, 8, 2, 30))
    judged = count(truth, covering, ignored=ignored)
    assert (judged.true, judged.found, judged.jaccard) == (1, 1, 36 / 168), "SEG as if nothing were ignored"
    assert count(truth, truth, ignored=truth > 0) == counted()


def test_det_by_hand() -> None:
    markers = image((1, 2, 4, 2, 4), (2, 2, 4, 8, 10), (3, 2, 4, 14, 16), (4, 10, 12, 2, 4))
    found = image((1, 1, 5, 1, 17), (2, 14, 18, 14, 18))
    assert count_markers(markers, found) == MarkerCount(markers=4, found=2, missed=1, extra=1, to_split=2)
    assert det([count_markers(markers, found)]) == pytest.approx(1 - (10 + 1 + 2 * 5) / 40)
    assert det([count_markers(image((1, 2, 4, 2, 4)), np.arange(600).reshape(20, 30))]) == 0, "never below 0"


def test_seg_and_det_are_py_ctcmetrics() -> None:
    """Its 1.3.3 on what `drawn_results.write` writes, by benchmarks/ctcmetrics.py."""
    frames = {frame: drawn_results.discs(frame) for frame in range(drawn_results.N_FRAMES)}
    counts = [count(frames[at], drawn_results.result(frames[at], at)) for at in drawn_results.WITH_GOLD]
    marked = [
        count_markers(drawn_results.markers(truth), drawn_results.result(truth, at)) for at, truth in frames.items()
    ]
    assert summary(counts)["seg"] == pytest.approx(0.4678372747222946, abs=1e-12)
    assert det(marked) == pytest.approx(0.8433734939759037, abs=1e-12)
    sums = [sum(getattr(c, name) for c in marked) for name in ("markers", "missed", "extra", "to_split")]
    assert sums == [83, 8, 20, 6]


TURNS: list[Callable[[np.ndarray], np.ndarray]] = [np.fliplr, np.flipud, np.rot90, np.transpose]


@pytest.mark.parametrize("seed", range(12))
def test_numbers_flips_and_turns_change_no_count(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, found = (rng.integers(0, 6, (9, 8)).repeat(rng.integers(1, 3), axis=0)[:9] for _ in range(2))
    ignored, band_px = rng.random((9, 8)) < 0.3, seed % 4
    expected = count(truth, found, ignored=ignored, field_of_interest_px=band_px)
    marked = count_markers(truth, found, field_of_interest_px=band_px)
    numbers = rng.permutation(2**20)[:6] + 1
    numbers[0] = 0
    for turn in TURNS:
        turned = [turn(each) for each in (numbers[truth], numbers[found], ignored)]
        again = count(turned[0], turned[1], ignored=turned[2], field_of_interest_px=band_px)
        assert again.jaccard == pytest.approx(expected.jaccard)
        assert again.area_error == pytest.approx(expected.area_error)
        assert [getattr(again, name) for name in EXACT] == [getattr(expected, name) for name in EXACT]
        assert count_markers(turned[0], turned[1], field_of_interest_px=band_px) == marked


EXACT = ("true", "found", "matched", "miscounted", "merged", "split", "missed", "extra")


@pytest.mark.slow
def test_70_000_cells_are_judged_in_seconds() -> None:
    """A table of cells by cells would have 5e9 fields."""
    side, cell_px = 265, 12
    numbers = np.arange(1, side * side + 1, dtype=np.int32).reshape(side, side)
    truth = np.pad(numbers.repeat(cell_px, 0).repeat(cell_px, 1), 2)
    assert isqrt(int(truth.max())) == side
    began = time.process_time()
    shifted = count(truth, np.roll(truth, 2, axis=1))
    assert time.process_time() - began < 10
    assert shifted == counted(
        true=side**2, found=side**2, jaccard=pytest.approx(side**2 * 10 / 14), matched=(side**2, 0, 0)
    )
