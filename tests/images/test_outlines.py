"""Masks to polygons to masks: exact, whatever the mask."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage
from skimage.draw import polygon2mask

from cellprune.images.outlines import filled, outlines, pieces_of

masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=9))


@settings(max_examples=150, deadline=None)
@given(masks)
def test_a_mask_comes_back_and_its_rings_are_simple(mask: np.ndarray) -> None:
    pieces = pieces_of(mask)
    rings = [ring for piece in pieces for ring in piece.rings]
    assert np.array_equal(filled(rings, mask.shape), mask)
    assert len(pieces) == ndimage.label(mask)[1], "one for each part that hangs together by sides"
    n_holes = ndimage.label(~np.pad(mask, 1), np.ones((3, 3)))[1] - 1
    if not (mask[1:, 1:] & mask[:-1, :-1] & ~mask[1:, :-1] & ~mask[:-1, 1:]).any():
        assert sum(len(piece.holes) for piece in pieces) >= n_holes
    for ring in rings:
        assert len({(y, x) for y, x in ring.tolist()}) == len(ring) >= 4, "no corner is passed twice"
        assert ((ring != np.roll(ring, 1, axis=0)).sum(axis=1) == 1).all(), (
            "along the borders of pixels, no corner idle"
        )
        assert all(filled(piece.rings, mask.shape).sum() for piece in pieces), "a hole lies within its outline"


@settings(max_examples=60, deadline=None)
@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=8), elements=st.integers(0, 3)))
def test_label_images_come_back_with_their_numbers(labels: np.ndarray) -> None:
    again = np.zeros_like(labels)
    for label, pieces in outlines(labels):
        again[filled([ring for piece in pieces for ring in piece.rings], labels.shape)] = label
    assert np.array_equal(again, labels)


def test_drawn_by_hand() -> None:
    ring = np.ones((3, 4), bool)
    ring[1, 1] = False
    (piece,) = pieces_of(ring)
    assert piece.outline.tolist() == [[0, 0], [0, 4], [3, 4], [3, 0]]
    assert [sorted(hole.tolist()) for hole in piece.holes] == [[[1, 1], [1, 2], [2, 1], [2, 2]]]
    diagonal = np.eye(2, dtype=bool)
    assert [len(piece.rings) for piece in pieces_of(diagonal)] == [1, 1]
    closed = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 1]], bool)  # the hole is open at a corner only
    (piece,) = pieces_of(closed)
    assert len(piece.holes) == 1
    assert pieces_of(np.zeros((2, 2), bool)) == []


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 12), st.integers(-3, 12)), min_size=3, max_size=6))
def test_slanted_polygons_are_filled_as_another_library_fills_them(corners: list[tuple[int, int]]) -> None:
    # a little off the grid, so that no centre lies on a side: there each library has a rule of its own
    ring = np.array(corners) + np.array([0.013, 0.0071])
    size = (10, 11)
    by_other = polygon2mask((30, 31), ring - 0.5 + 10)[10:20, 10:21]
    assert np.array_equal(filled([ring], size), by_other)


def test_polygons_that_share_a_side_share_no_pixel_and_leave_none_out() -> None:
    corner, left, right, last = (0, 0), (9, 0), (0, 9), (9, 9)
    one, other = filled([np.array([corner, right, left])], (9, 9)), filled([np.array([right, last, left])], (9, 9))
    assert (one ^ other).all()


@pytest.mark.parametrize("shift", [-4, 4, 100])
def test_what_lies_outside_is_cut(shift: int) -> None:
    square = np.array([(0, 0), (0, 6), (6, 6), (6, 0)]) + shift
    wanted = np.zeros((6, 6), bool)
    wanted[max(0, shift) : max(0, 6 + shift), max(0, shift) : max(0, 6 + shift)] = True
    assert np.array_equal(filled([square], (6, 6)), wanted)
