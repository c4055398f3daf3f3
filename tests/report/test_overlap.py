"""Overlap of masks, against counting by hand."""

import numpy as np
import pytest

from cellprune.report.overlap import overlaps


def packed(**masks: list[int]) -> dict:
    return {name: ((len(bits),), np.packbits(np.array(bits, bool))) for name, bits in masks.items()}


def test_the_overlap_is_of_the_smaller_mask_and_chance_goes_layer_by_layer() -> None:
    one = packed(a=[1, 1, 0, 0], b=[1, 1, 1, 1, 1, 1, 1, 1, 1, 1])
    other = packed(a=[0, 1, 1, 0], b=[1, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    (row,) = overlaps({3: one, 7: other})
    assert row["runs"] == [3, 7]
    assert row["shared"] == pytest.approx(2 / 3)
    assert row["by_chance"] == pytest.approx((2 * 2 / 4 + 10 * 1 / 10) / 3)


def test_a_mask_within_another_has_one() -> None:
    (row,) = overlaps({1: packed(a=[1, 0, 0, 0, 0, 0, 0, 0, 1]), 2: packed(a=[1, 1, 1, 0, 0, 0, 0, 0, 1])})
    assert row["shared"] == 1


def test_masks_of_other_shapes_have_no_overlap_and_an_empty_one_has_none_defined() -> None:
    assert overlaps({1: packed(a=[1, 0]), 2: packed(a=[1, 0, 0])}) == []
    assert overlaps({1: packed(a=[1, 0]), 2: packed(b=[1, 0])}) == []
    (row,) = overlaps({1: packed(a=[0, 0]), 2: packed(a=[1, 0])})
    assert (row["shared"], row["by_chance"]) == (None, None)


def test_chance_is_what_random_masks_share() -> None:
    rng = np.random.default_rng(0)
    first, second = (rng.permutation(100_000) < 20_000 for _ in range(2))
    (row,) = overlaps({1: packed(a=list(first)), 2: packed(a=list(second))})
    assert row["by_chance"] == pytest.approx(0.2)
    assert row["shared"] == pytest.approx(0.2, abs=0.01)
