"""Augmentation: image and target move together, labels stay labels, the seed decides alone."""

import os
import subprocess
import sys

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from cellprune.data.cells.augment import augment

RNG = np.random.default_rng(0)
IMAGE = 12 * gaussian_filter(RNG.normal(0, 1, (64, 64)), 3).astype(np.float32)[None]  # smooth, deviation about 1
TARGET = np.zeros((64, 64), dtype=np.uint8)
TARGET[10:30, 12:40] = 1
TARGET[40:50, 40:60] = 255


def test_the_seed_alone_decides() -> None:
    first = augment(IMAGE, TARGET, seed=2**60 + 7)
    np.random.seed(3)
    augment(IMAGE, TARGET, seed=1)
    again = augment(IMAGE, TARGET, seed=2**60 + 7)
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert not np.array_equal(first[0], augment(IMAGE, TARGET, seed=8)[0])


@pytest.mark.parametrize("shape", [(64, 64), (48, 80)])
def test_no_label_is_interpolated_and_255_survives(shape: tuple[int, int]) -> None:
    image, target = np.resize(IMAGE, (1, *shape)), np.resize(TARGET, shape)
    n_ignored = []
    for seed in range(40):
        changed, moved = augment(image, target, seed=seed)
        assert changed.shape == (1, *shape)
        assert moved.shape == shape
        assert (changed.dtype, moved.dtype) == (np.float32, np.uint8)
        assert set(np.unique(moved)) <= {0, 1, 255}
        n_ignored.append((moved == 255).sum())
    assert min(n_ignored) > 0
    assert max(n_ignored) > (target == 255).sum()  # what came from outside is ignored


def test_image_and_target_move_together() -> None:
    image = np.where(TARGET == 1, 3, -3).astype(np.float32)[None]
    for seed in range(20):
        changed, moved = augment(image, (TARGET == 1).astype(np.uint8), seed=seed)
        inside = moved != 255
        assert (((changed[0] > 0) == (moved == 1))[inside]).mean() > 0.98


def test_labels_and_maps_move_as_classes_do() -> None:
    """Numbers beyond 255 survive, and so does what is unknown; nothing lies between two values."""
    labels = np.where(TARGET == 255, -1, TARGET.astype(np.int32) * 70_000 + (np.arange(64) // 20))
    maps = np.where(TARGET == 255, np.nan, np.stack([TARGET == 1, np.indices(TARGET.shape)[1] / 64])).astype(np.float32)
    for seed in range(10):
        _, classes = augment(IMAGE, TARGET, seed=seed)
        _, cells = augment(IMAGE, labels.astype(np.int32), seed=seed)
        _, numbers = augment(IMAGE, maps, seed=seed)
        assert (cells.dtype, numbers.dtype, numbers.shape) == (np.int32, np.float32, (2, 64, 64))
        assert set(np.unique(cells)) <= set(np.unique(labels))
        np.testing.assert_array_equal(np.where(cells == -1, 255, cells >= 70_000), classes)
        np.testing.assert_array_equal(np.where(np.isnan(numbers[0]), 255, numbers[0]), classes)
        assert set(numbers[1][classes != 255]) <= set(maps[1][TARGET != 255])


def test_it_is_mild() -> None:
    for seed in range(20):
        changed, _ = augment(IMAGE, TARGET, seed=seed)
        assert abs(changed.mean() - IMAGE.mean()) < 1.2
        assert 0.8 < changed.std() / IMAGE.std() < 1.2


@pytest.mark.slow
def test_the_import_asks_no_network() -> None:
    code = "import os, cellprune.data.cells.augment; print(os.environ['NO_ALBUMENTATIONS_UPDATE'])"
    environment = {key: value for key, value in os.environ.items() if key != "NO_ALBUMENTATIONS_UPDATE"}
    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, check=True, env=environment, timeout=120, capture_output=True, text=True)
    assert answer.stdout == "1\n"


def test_turns_bring_no_new_value_and_none_changes_nothing() -> None:
    seen = set()
    for seed in range(12):
        changed, moved = augment(IMAGE, TARGET, seed=seed, strength="turns")
        np.testing.assert_allclose(np.sort(changed, axis=None), np.sort(IMAGE, axis=None), atol=1e-5)
        assert (np.sort(moved, axis=None) == np.sort(TARGET, axis=None)).all()
        seen.add(changed.tobytes())
    assert len(seen) > 3
    same, target = augment(IMAGE, TARGET, seed=0, strength="none")
    assert np.array_equal(same, IMAGE)
    assert np.array_equal(target, TARGET)


@pytest.mark.parametrize("n_channels", [2, 3, 5])
def test_channels_change_alike(n_channels: int) -> None:
    for seed in range(8):
        grey, target = augment(IMAGE, TARGET, seed=seed)
        changed, moved = augment(np.repeat(IMAGE, n_channels, axis=0), TARGET, seed=seed)
        assert np.array_equal(moved, target)
        assert all(np.array_equal(channel, grey[0]) for channel in changed)
