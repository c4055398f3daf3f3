"""What a simulated microscope shows: contrast as its optics have it, light that stays, noise that does not."""

import numpy as np
import pytest

from cellprune.data.simulated.cells import Scene, scenes
from cellprune.data.simulated.optics import OPTICS, Microscope

SIZE = (96, 96)
EMPTY = Scene(np.zeros(SIZE, np.int32), np.full(SIZE, -1.0), np.zeros(SIZE))


def disc(height: float = 0.6) -> Scene:
    rows, columns = np.indices(SIZE)
    depth = 1 - np.hypot(rows - 48, columns - 48) / 14
    return Scene((depth > 0).astype(np.int32), depth, np.where(depth > 0, height, 0.0))


def mean_image(scene: Scene, optics: str) -> np.ndarray:
    """Average many pictures of one field, less those of the field without cells."""
    images = []
    for one in (scene, EMPTY):
        microscope = Microscope(np.random.default_rng(3), SIZE, optics)
        images.append(np.mean([microscope.image(one).astype(float) for _ in range(30)], axis=0))
    return images[0] - images[1]


def test_phase_contrast_has_a_bright_halo_and_a_dark_rim() -> None:
    image = mean_image(disc(), "phase")
    assert image[48, 64] > 5, "just outside"
    assert image[48, 60] < -5, "just inside"


def test_dic_is_bright_on_one_side_and_dark_on_the_other() -> None:
    image = mean_image(disc(), "dic")
    assert image[37:40, 37:40].mean() > 5
    assert image[57:60, 57:60].mean() < -5


@pytest.mark.parametrize("optics", OPTICS)
def test_light_and_debris_stay_and_noise_does_not(optics: str) -> None:
    microscope = Microscope(np.random.default_rng(0), SIZE, optics)
    first, second = (microscope.image(EMPTY).astype(float) for _ in range(2))
    assert not np.array_equal(first, second)
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] > 0.5
    other = Microscope(np.random.default_rng(1), SIZE, optics).image(EMPTY).astype(float)
    assert np.corrcoef(first.ravel(), other.ravel())[0, 1] < 0.5, "another recording has its own"


@pytest.mark.parametrize("optics", OPTICS)
def test_a_picture_is_8_bit_and_no_grey_level_means_cell(optics: str) -> None:
    rng = np.random.default_rng(5)
    microscope = Microscope(rng, SIZE, optics)
    scene, _ = next(scenes(rng, 4, SIZE))
    image = microscope.image(scene)
    assert image.dtype == np.uint8
    inside, outside = image[scene.labels > 0].astype(float), image[scene.labels == 0].astype(float)
    assert abs(inside.mean() - outside.mean()) < outside.std()
