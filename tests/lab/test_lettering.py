"""What is written on an overlay: a scale bar of a round length, and the number of each cell."""

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellprune.lab.lettering import round_length, with_numbers, with_scale_bar
from cellprune.lab.overlay import LONGEST_PX, overlay_png


def test_a_scale_bar_has_a_round_length() -> None:
    image, labels = np.zeros((1, 200, 400)), np.zeros((200, 400), np.uint16)
    picture = imagecodecs.png_decode(overlay_png(image.astype(np.float32), labels, pixel_size_um=(1.0, 0.65)))
    bar = (picture == 255).all(2).sum(1).max() + 2  # with its dark outline
    assert abs(bar - 50 / 0.65) <= 1  # 100 um would be longer than a quarter of the picture
    assert not picture[:150].any()


def test_a_scale_bar_of_a_picture_shown_smaller_is_of_the_picture() -> None:
    labels = np.zeros((100, 2 * LONGEST_PX), np.uint16)
    image = np.zeros((1, *labels.shape), np.float32)
    picture = imagecodecs.png_decode(overlay_png(image, labels, pixel_size_um=(1.0, 1.0)))
    assert picture.shape[1] == LONGEST_PX
    assert not picture.any()  # 50 px high: no room
    image, labels = np.zeros((1, 400, 2 * LONGEST_PX), np.float32), np.zeros((400, 2 * LONGEST_PX), np.uint16)
    picture = imagecodecs.png_decode(overlay_png(image, labels, pixel_size_um=(1.0, 1.0)))
    assert (picture == 255).all(2).sum(1).max() + 2 == 500  # 1000 um


@pytest.mark.parametrize(("most", "length"), [(1.0, 1.0), (9.99, 5.0), (0.3, 0.2), (2000, 2000), (4999, 2000)])
def test_a_round_length_is_the_largest_that_fits(most: float, length: float) -> None:
    assert round_length(most) == pytest.approx(length)


def test_a_number_stands_in_its_cell() -> None:
    labels = np.zeros((120, 120), np.uint16)
    labels[10:60, 10:110], labels[30:60, 20:100] = 7, 0  # an arch: its centre of mass is outside
    image = np.zeros((1, 120, 120), np.float32)
    with_it = imagecodecs.png_decode(overlay_png(image, labels, numbers=True))
    without = imagecodecs.png_decode(overlay_png(image, labels))
    rows, columns = np.nonzero((with_it != without).any(2))
    assert len(rows)
    assert labels[int(rows.mean().round()), int(columns.mean().round())] == 7


@given(st.floats(1e-6, 1e9))
def test_a_round_length_is_at_most_what_there_is_room_for_and_no_less_than_two_fifths_of_it(most: float) -> None:
    length = round_length(most)
    assert 0.4 * most * (1 - 1e-9) <= length <= most * (1 + 1e-9)
    assert f"{length:e}"[0] in "125"


@pytest.mark.parametrize("size", [(63, 500), (500, 63)])
def test_a_small_picture_has_no_room_for_a_bar(size: tuple[int, int]) -> None:
    picture = np.zeros((*size, 3), np.uint8)
    assert with_scale_bar(picture, 0.5) is picture
    assert with_scale_bar(np.zeros((64, 64, 3), np.uint8), 0.5).any()


def test_the_bar_lies_at_the_lower_right_in_white_on_any_ground() -> None:
    white = with_scale_bar(np.full((200, 300, 3), 255, np.uint8), 1.0)
    rows, columns = np.nonzero((white == 0).all(2))
    assert rows.min() > 150, "its dark outline shows on white"
    assert columns.min() > 200


def test_a_cell_that_the_picture_lost_has_no_number() -> None:
    picture = np.zeros((40, 40, 3), np.uint8)
    labels = np.zeros((40, 40), np.uint16)
    assert not with_numbers(picture, labels).any()
    labels[5:35, 5:35] = 3  # 1 and 2 are nowhere
    assert with_numbers(picture, labels)[5:35, 5:35].any()


@pytest.mark.parametrize("at", [(0, 0), (0, 59), (39, 0), (39, 59), (20, 30)])
def test_a_number_at_the_edge_of_the_picture_is_whole(at: tuple[int, int]) -> None:
    labels = np.zeros((40, 60), np.uint16)
    labels[at] = 123
    within = with_numbers(np.zeros((40, 60, 3), np.uint8), labels)
    whole = with_numbers(np.zeros((80, 120, 3), np.uint8), np.pad(labels, ((20, 20), (30, 30))))
    assert within.any(2).sum() == whole.any(2).sum()
