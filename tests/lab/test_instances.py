"""From classes to cells: what is connected is one cell."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from cellprune.lab.instances import instances


def test_what_is_connected_is_one_cell_corners_too() -> None:
    classes = np.array([[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 0, 0], [2, 2, 0, 1]], np.uint8)
    labels, class_of = instances(classes)
    assert labels.tolist() == [[1, 0, 0, 2], [0, 1, 0, 2], [0, 0, 0, 0], [4, 4, 0, 3]]
    assert class_of.tolist() == [0, 1, 1, 1, 2]
    assert labels.dtype == np.uint16


def test_beyond_65535_cells_labels_are_32_bit() -> None:
    classes = np.zeros((600, 600), np.uint8)
    classes[::2, ::2] = 1
    assert instances(classes)[0].dtype == np.uint32
    assert instances(classes)[0].max() == 300 * 300


@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(0, 3)))
def test_every_cell_is_of_one_class_and_numbers_have_no_gap(classes: np.ndarray) -> None:
    labels, class_of = instances(classes)
    assert np.array_equal(class_of[labels], classes)
    assert np.unique(labels[labels > 0]).tolist() == list(range(1, len(class_of)))
    assert class_of.tolist() == sorted(class_of), "class by class"


def test_what_touches_is_two_cells_where_the_classes_differ() -> None:
    labels, class_of = instances(np.array([[1, 2, 1]], np.uint8))
    assert labels.tolist() == [[1, 3, 2]]
    assert class_of.tolist() == [0, 1, 1, 2]


@pytest.mark.parametrize(("n_cells", "dtype"), [(65_535, np.uint16), (65_536, np.uint32)])
def test_labels_are_as_wide_as_their_largest_number_needs(n_cells: int, dtype: type) -> None:
    classes = np.zeros((1, 2 * n_cells), np.uint8)
    classes[0, ::2] = 1
    labels, _ = instances(classes)
    assert (labels.dtype, labels.max()) == (dtype, n_cells)


def test_no_cell_is_one_label_of_background() -> None:
    for size in ((3, 4), (0, 4)):
        labels, class_of = instances(np.zeros(size, np.uint8))
        assert labels.shape == size
        assert class_of.tolist() == [0]
