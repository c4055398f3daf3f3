"""Pieces of any numbers become cells numbered in the order of reading."""

import numpy as np

from cellprune.targets.numbering import foreground, numbered, of_one_class


def test_cells_are_numbered_by_their_first_pixel_and_small_ones_go() -> None:
    pieces = np.array([[0, 9, 9, 0, 2], [4, 4, 0, 2, 2], [4, 4, 0, 0, 700]])
    labels = numbered(pieces, 2)
    assert labels.tolist() == [[0, 1, 1, 0, 2], [3, 3, 0, 2, 2], [3, 3, 0, 0, 0]]
    assert labels.dtype == np.uint16
    assert numbered(pieces, 0).max() == 4
    assert np.array_equal(numbered(labels, 0), labels), "as they are already"


def test_an_area_is_just_large_enough_or_just_not() -> None:
    pieces = np.array([[1, 1, 1, 0, 2, 2]])
    assert [numbered(pieces, area).max() for area in (2, 2.5, 3, 3.5)] == [2, 1, 1, 0]


def test_nothing_is_no_cell() -> None:
    cells = of_one_class(np.zeros((3, 4), int), 5)
    assert (cells.labels.any(), cells.class_of.tolist(), foreground(cells).any()) == (False, [0], False)
    assert of_one_class(np.zeros((0, 4), int), 5).labels.shape == (0, 4)
