"""Matching by place: more than half of a marker, the challenge's own rule."""

import numpy as np
import pytest
from scipy.ndimage import label

from cellprune.data.cells.matching import areas_px, covering, in_pieces, jaccard, uncovered


def image(*boxes: tuple[int, int, int, int, int]) -> np.ndarray:
    """Draw boxes (value, top, bottom, left, right)."""
    drawn = np.zeros((20, 30), dtype=np.int32)
    for value, top, bottom, left, right in boxes:
        drawn[top:bottom, left:right] = value
    return drawn


MARKERS = image((7, 2, 6, 2, 6), (3, 10, 14, 10, 14))


def test_labels_of_markers_and_masks_need_not_agree() -> None:
    assert covering(MARKERS, image((3, 0, 8, 0, 8), (7, 8, 16, 8, 16))) == {7: 3, 3: 7}


@pytest.mark.parametrize(("width", "is_covered"), [(2, False), (3, True)])
def test_half_of_a_marker_is_not_enough(width: int, is_covered: bool) -> None:
    labels = image((1, 2, 6, 2, 2 + width), (2, 9, 15, 9, 15))
    assert uncovered(MARKERS, labels) == ([] if is_covered else [7])


def test_nothing_covers_nothing() -> None:
    assert covering(np.zeros_like(MARKERS), MARKERS) == {}
    assert uncovered(MARKERS, np.zeros_like(MARKERS)) == [3, 7]


def test_areas() -> None:
    assert areas_px(image((5, 0, 2, 0, 3), (9, 5, 6, 5, 6))) == {5: 6, 9: 1}


def test_pieces_that_touch_at_a_corner_are_one() -> None:
    apart, corner = image((4, 0, 2, 0, 2), (4, 6, 8, 6, 8)), image((4, 0, 2, 0, 2), (4, 2, 4, 2, 4))
    assert in_pieces(apart) == [4]
    assert in_pieces(corner) == []
    assert in_pieces(np.zeros_like(apart)) == []


def test_pieces_agree_with_scipy_label_by_label() -> None:
    labels = np.random.default_rng(0).integers(0, 5, (20, 20)).astype(np.int32)
    slow = [value for value in range(1, 5) if label(labels == value, np.ones((3, 3)))[1] > 1]
    assert in_pieces(labels) == slow


def test_jaccard_is_the_mean_over_gold_cells() -> None:
    gold = image((1, 0, 4, 0, 4), (2, 10, 14, 10, 14), (3, 16, 18, 0, 2))
    # one cell alike, one shifted by half (8 of 24 pixels shared), one not found
    assert jaccard(gold, image((9, 0, 4, 0, 4), (8, 12, 16, 10, 14))) == pytest.approx((1 + 8 / 24 + 0) / 3)
