"""The picture of a prediction."""

import imagecodecs
import numpy as np
from lab_engines import spots

from cellprune.lab.overlay import LONGEST_PX, overlay_png


def drawn(image: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return imagecodecs.png_decode(overlay_png(image.astype(np.float32), labels))


def test_the_outline_lies_within_the_cell_and_the_rest_is_the_image() -> None:
    labels = np.zeros((40, 50), np.uint16)
    labels[5:15, 5:17] = 1
    picture = drawn(spots()[None], labels)
    assert picture.shape == (40, 50, 3)
    coloured = picture.max(2) != picture.min(2)
    edge = np.zeros_like(coloured)
    edge[5:15, 5:17] = True
    edge[6:14, 6:16] = False
    assert np.array_equal(coloured, edge)


def test_cells_that_touch_are_told_apart() -> None:
    labels = np.zeros((20, 20), np.uint32)
    labels[5:15, 2:10], labels[5:15, 10:18] = 1, 2
    picture = drawn(spots((20, 20), [(0, 0, 5, 5)])[None], labels)
    assert not np.array_equal(picture[9, 9], picture[9, 10])


def test_three_channels_are_colours_and_two_are_grey() -> None:
    colour = np.zeros((3, 8, 8))
    colour[0, :4] = 1
    assert drawn(colour, np.zeros((8, 8), np.uint16))[0, 0].tolist() == [255, 0, 0]
    grey = drawn(colour[:2], np.zeros((8, 8), np.uint16))[0, 0]
    assert grey.tolist() == [255, 255, 255]


def test_a_large_image_is_shown_smaller() -> None:
    labels = np.zeros((10, 2 * LONGEST_PX + 3), np.uint16)
    labels[2:9, 100:4000] = 1
    image = np.zeros((1, *labels.shape))
    image[:, :, :50] = 1
    picture = drawn(image, labels)
    assert max(picture.shape) <= LONGEST_PX
    assert (picture.max(2) != picture.min(2)).any()


def test_a_constant_image_is_drawn() -> None:
    assert drawn(np.ones((1, 4, 4)), np.zeros((4, 4), np.uint16)).max() == 0


def test_a_stain_keeps_its_colour() -> None:
    """Purple tissue on white: each channel stretched by itself would turn it green or black."""
    image = np.full((3, 40, 40), 240.0)
    image[:, 10:30, 10:30] = np.array([120, 60, 140]).reshape(3, 1, 1)
    picture = drawn(image, np.zeros((40, 40), np.uint16))
    red, green, blue = (int(value) for value in picture[20, 20])
    assert blue > red > green
    assert picture[0, 0].tolist() == [255, 255, 255]
