"""From classes to cells: what is connected is one cell, or is cut where it is narrow."""

import numpy as np
import pytest
from drawn_discs import jaccards, touching_discs
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from cellprune.targets.classes import cells_of, encode
from cellprune.targets.decoders import Components, Watershed, decoder_of
from cellprune.targets.kinds import Instances
from cellprune.targets.neighbours import sizes, usual


def instances(classes: np.ndarray, min_area_px: float = 0) -> Instances:
    return cells_of(classes, Components(min_area_px=min_area_px))


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


def test_small_pieces_are_dropped_and_the_others_numbered_anew() -> None:
    classes = np.array([[1, 0, 1, 1], [0, 0, 1, 0], [2, 0, 0, 0], [2, 2, 0, 1]], np.uint8)
    labels, class_of = instances(classes, min_area_px=3)
    assert labels.tolist() == [[0, 0, 1, 1], [0, 0, 1, 0], [2, 0, 0, 0], [2, 2, 0, 0]]
    assert class_of.tolist() == [0, 1, 2]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_touching_discs_are_told_apart(seed: int) -> None:
    """Cells of 7 px radius and more; smaller ones have necks as deep as their outline is rough."""
    truth = touching_discs(seed)
    labels, class_of = cells_of(encode(truth, 2), decoder_of("watershed", usual(sizes(truth))))
    assert labels.max() == truth.max() == len(class_of) - 1
    assert jaccards(truth, labels).min() > 0.9
    assert np.array_equal(labels > 0, truth > 0), "a cut takes no pixel"


def test_a_waist_parts_and_a_rough_outline_does_not() -> None:
    rows, columns = np.mgrid[:60, :120]
    two = ((rows - 30) ** 2 + (columns - 40) ** 2 < 400) | ((rows - 30) ** 2 + (columns - 70) ** 2 < 400)
    rough = (abs(rows - 30) < 18 + (columns // 3) % 2) & (abs(columns - 60) < 50)
    parts = {
        name: cells_of(shape.astype(np.uint8), Watershed(20.0)).labels.max()
        for name, shape in {"two": two, "rough": rough, "deep": two & rough}.items()
    }
    assert parts == {"two": 2, "rough": 1, "deep": 2}
    assert cells_of(two.astype(np.uint8), Watershed(20.0, depth=0.9)).labels.max() == 1, "no neck is so deep"


def test_no_part_is_cut_off_that_would_be_dropped() -> None:
    bump = np.zeros((40, 60), np.uint8)
    bump[5:35, 5:35] = 1
    bump[15:26, 36:47] = 1  # 121 px, joined by a bridge of 3
    bump[19:22, 35] = 1
    kept, whole = (cells_of(bump, Watershed(15.0, min_area_px=least)).labels for least in (100, 150))
    assert (kept.max(), whole.max()) == (2, 1)
    assert np.array_equal(whole > 0, bump > 0)


@pytest.mark.parametrize("fill", [0, 1])
def test_an_image_of_one_value_is_no_cell_or_one(fill: int) -> None:
    labels, class_of = cells_of(np.full((20, 30), fill, np.uint8), Watershed(5.0))
    assert (labels == fill).all()
    assert class_of.tolist() == [0, 1][: fill + 1]


@pytest.mark.parametrize("turn", range(4))
def test_turning_the_image_turns_the_cells(turn: int) -> None:
    classes = encode(touching_discs(3), 2)
    straight, turned = (cells_of(image, Watershed(10.0)).labels for image in (classes, np.rot90(classes, turn)))
    back = np.rot90(turned, -turn)
    assert back.max() == straight.max()
    assert jaccards(straight, back).min() > 0.95, "of two ways through a plateau the first is taken"
