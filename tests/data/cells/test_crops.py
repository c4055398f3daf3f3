"""Crops: squares of the right place and scale, the same for image and target; outside of the image nothing is known."""

import numpy as np
import pytest

from cellprune.data.cells.crops import cut

# every pixel tells where it is, so that a crop does, too
PLACES = np.arange(40 * 50, dtype=np.float32).reshape(1, 40, 50)
CLASSES = (PLACES[0] % 3).astype(np.uint8)


def test_image_and_target_are_cut_alike_as_they_are() -> None:
    for seed in range(8):
        image, target = cut(PLACES, CLASSES, 16, seed=seed)
        row, column = divmod(int(image[0, 0, 0]), 50)
        np.testing.assert_array_equal(image, PLACES[:, row : row + 16, column : column + 16])
        np.testing.assert_array_equal(target, CLASSES[row : row + 16, column : column + 16])


def test_each_place_comes_and_a_seed_comes_again() -> None:
    corners = {tuple(divmod(int(cut(PLACES, CLASSES, 38, seed=seed)[0][0, 0, 0]), 50)) for seed in range(400)}
    assert corners == {(row, column) for row in range(3) for column in range(13)}
    np.testing.assert_array_equal(cut(PLACES, CLASSES, 16, seed=7)[0], cut(PLACES, CLASSES, 16, seed=7)[0])


@pytest.mark.parametrize("target", [CLASSES, np.stack([PLACES[0], PLACES[0]])], ids=["classes", "numbers"])
@pytest.mark.parametrize("side", [45, 64, 200])
def test_beyond_the_image_it_is_mirrored_and_nothing_is_learned(target: np.ndarray, side: int) -> None:
    image, learned = cut(PLACES, target, side, seed=0)
    assert (image.shape, learned.shape) == ((1, side, side), (*target.shape[:-2], side, side))
    assert np.isin(image, PLACES).all(), "no grey level that is not there"
    known = ~np.isnan(learned[0]) if learned.ndim == 3 else learned != 255
    assert known.sum() == min(side, 40) * min(side, 50)
    np.testing.assert_array_equal(image[0][known][:1], PLACES[0].ravel()[image[0][known][:1].astype(int)])
    if learned.ndim == 3:
        np.testing.assert_array_equal(learned[0][known], image[0][known])
    else:
        np.testing.assert_array_equal(learned[known], image[0][known] % 3)


def test_zoom_is_drawn_between_its_limits_both_ways() -> None:
    columns = np.tile(np.arange(100, dtype=np.float32), (1, 100, 1))
    steps = []  # of the image's pixels from one pixel of the crop to the next
    for seed in range(60):
        image, target = cut(columns, columns[0].astype(np.uint8), 16, seed=seed, most_zoom=2.0)
        assert image.shape[1:] == target.shape == (16, 16)
        assert np.abs(image[0] - target).max() <= 2, "both are zoomed alike"
        steps.append(float(np.diff(image[0, 8, 4:12]).mean()))
    assert 0.45 < min(steps) < 0.6
    assert 1.7 < max(steps) < 2.2
