"""A network is shown the same of an image in windows as of the whole."""

import numpy as np
import pytest
from numpy.typing import NDArray

from cellprune.images import boxes
from cellprune.images.network_input import KINDS, network_input
from cellprune.images.network_windows import GreyLevels, network_windows
from cellprune.images.read import in_unit_range
from cellprune.runs.modelcard import Normalization

SIZE = (83, 131)


def grey(dtype: type, seed: int = 0) -> NDArray:
    """A noisy image with hot pixels, alone and in pairs, one of them at a seam."""
    pixels = np.random.default_rng(seed).gamma(2, 40, (2, *SIZE)) + 100
    pixels[0, 20, 5] = pixels[0, 19:21, 50] = pixels[1, 0, 0] = 5000
    return pixels.astype(dtype)


def few(dtype: type) -> NDArray:
    """A few bright cells on a background of nothing: both percentiles are 0."""
    pixels = np.zeros((2, *SIZE), dtype)
    pixels[0, 20, 5], pixels[:, 50, 50:52] = 9, (3, 5)
    return pixels


@pytest.mark.parametrize("size", [SIZE, (41, 77), (60, 200)], ids=str)
@pytest.mark.parametrize("image", [grey(np.uint16), grey(np.float32, 1), few(np.uint8)], ids=["u2", "f4", "few"])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_windows_are_parts_of_the_whole(
    kind: Normalization, image: NDArray, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boxes, "BAND_PX", 20 * SIZE[1])
    whole = network_input(in_unit_range(image), size, kind)
    levels = GreyLevels(
        lambda box: image[(slice(None), *box)], SIZE, 2, np.array([image.min()]), np.array([image.max()])
    )
    assert np.array_equal(levels.in_unit_range((slice(3, 9), slice(5, 7))), in_unit_range(image)[:, 3:9, 5:7])
    window = network_windows(levels, size, kind)
    ours = np.concatenate([window(box) for box in boxes.bands(size)], axis=1)
    # sums in another order: the last digit of a mean may be another, and seldom one of a pixel
    assert np.abs(ours - whole).max() <= 4e-7 * np.abs(whole).max()
    assert (ours == whole).mean() > 0.99
    box = (slice(7, 33), slice(11, 60))
    assert np.array_equal(window(box), ours[(slice(None), *box)])
