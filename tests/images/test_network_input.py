"""The scale of an image's grey levels: what is rare does not set it, and nothing blows up."""

from typing import get_args

import numpy as np
import pytest

from cellprune.config.data import Data
from cellprune.images.network_input import KINDS, network_input
from cellprune.images.read import Floats, normalize, resize_image

SIZE = (64, 80)


def cells(seed: int = 0, size: tuple[int, int] = SIZE, height: float = 0.4) -> Floats:
    """Two bright discs on a noisy background, grey levels in 0..1."""
    image = np.random.default_rng(seed).normal(0.2, 0.02, size)
    rows, columns = np.ogrid[: size[0], : size[1]]
    for row, column in ((20, 20), (40, 60)):
        image += height * ((rows - row) ** 2 + (columns - column) ** 2 < 64)
    return image.clip(0, 1).astype(np.float32)[None]


def test_the_settings_choices_are_the_kinds() -> None:
    assert set(get_args(Data.model_fields["normalization"].annotation)) == set(KINDS)


def test_standard_is_the_published_protocol_to_the_bit() -> None:
    for size in (SIZE, (32, 40), (33, 50)):
        np.testing.assert_array_equal(
            network_input(cells(), size, KINDS["standard"]), normalize(resize_image(cells(), size))
        )


@pytest.mark.parametrize("kind", KINDS)
def test_an_ordinary_image_is_of_about_mean_0_and_deviation_1(kind: str) -> None:
    image = np.random.default_rng(0).normal(500, 30, (2, 100, 120)).astype(np.float32)
    made = network_input(image, (100, 120), KINDS[kind])
    assert made.dtype == np.float32
    assert np.abs(made.mean(axis=(1, 2))).max() < 0.35
    assert np.abs(made.std(axis=(1, 2)) - 1).max() < 0.25


def test_what_lies_between_the_percentiles_is_of_mean_0_and_deviation_1() -> None:
    image = np.linspace(3, 7, 1001, dtype=np.float32).reshape(1, 1, 1001)
    image[..., -2:] = 13  # the rarest two in a thousand set no scale
    made = network_input(image, (1, 1001), KINDS["robust"])[0, 0]
    usual = made.clip(made[10], made[998])
    assert (usual.mean(), usual.std()) == (pytest.approx(0, abs=1e-4), pytest.approx(1, abs=1e-4))
    np.testing.assert_allclose(made[-2:], 5)


@pytest.mark.parametrize("size", [SIZE, (32, 40)])
@pytest.mark.parametrize("fault", [65535 / 1500, -65535 / 1500, 1e30])
def test_hot_and_dead_pixels_change_nothing(size: tuple[int, int], fault: float) -> None:
    image, whole = cells(), {kind: network_input(cells(), size, KINDS[kind]) for kind in KINDS}
    for row, column in ((5, 70), (5, 71), (40, 60), (0, 0), (63, 30)):  # two together, in a cell, at the edge
        image[0, row, column] = fault
    within_noise = 1.0  # where cell and background are 4 apart
    for kind in ("robust", "percentile"):
        assert np.abs(network_input(image, size, KINDS[kind]) - whole[kind]).max() < within_noise
    assert np.abs(network_input(image, size, KINDS["standard"]) - whole["standard"]).max() > 3


def test_a_spot_of_dirt_sets_no_scale_and_stays_within_the_limit() -> None:
    image, whole = cells(size=(200, 200)), network_input(cells(size=(200, 200)), (200, 200), KINDS["robust"])
    image[0, 5:12, 5:12] = 60
    changed = network_input(image, (200, 200), KINDS["robust"])
    np.testing.assert_allclose(changed[0, 5:12, 5:12], 5)
    np.testing.assert_allclose(changed[0, 20:], whole[0, 20:], atol=0.3)


def test_few_bright_cells_keep_their_shades_between_percentiles() -> None:
    image = np.zeros((1, 100, 100), np.float32)
    image[0, 40:50, 40:50] = np.linspace(0.5, 1, 100).reshape(10, 10)  # a hundredth of the image
    robust, between = (
        network_input(image, (100, 100), KINDS[kind])[0, 40:50, 40:50] for kind in ("robust", "percentile")
    )
    assert (robust == robust[0, 0]).all(), "all cut off"
    assert len(np.unique(between)) == 100
    assert between.min() > 2
    assert between.max() < 5


def test_median_and_percentiles_are_where_they_are_said_to_be() -> None:
    image = (np.linspace(3, 7, 1001, dtype=np.float32) ** 3).reshape(1, 1, 1001)
    made = network_input(image, (1, 1001), KINDS["percentile"])[0, 0]
    assert made[500] == pytest.approx(0, abs=1e-6)
    assert made[998] - made[10] == pytest.approx(4, abs=1e-5)


@pytest.mark.parametrize("kind", ["robust", "percentile"])
def test_offset_and_gain_make_no_difference(kind: str) -> None:
    image = cells()
    np.testing.assert_allclose(
        network_input(image * 1024 + 33000, SIZE, KINDS[kind]),
        network_input(image, SIZE, KINDS[kind]),
        atol=0.02,
    )


@pytest.mark.parametrize("sign", [1, -1])
def test_few_cells_on_a_background_of_nothing_are_seen(sign: int) -> None:
    """Both percentiles are the background; a hot pixel among the few does not set the scale either."""
    image = np.zeros((1, 200, 200), np.float32)
    image[0, 50:56, 50:56] = sign * np.linspace(0.8, 1.2, 36).reshape(6, 6)
    image[0, 150, 150] = sign * 1000
    image[0, 10, 10] = -sign * 1000  # a dead pixel, on the other side
    made = sign * network_input(image, (200, 200), KINDS["robust"])[0]
    assert np.isfinite(made).all()
    assert np.abs(made).max() <= 5 + 1e-5
    assert made[50:56, 50:56].min() > made[100, 100] + 3


def test_few_cells_on_noise_stand_out_of_it() -> None:
    image = np.random.default_rng(0).normal(100, 3, (1, 400, 400)).astype(np.float32)
    image[0, 50:60, 50:60] += 300  # 0.06 % of the image
    made = network_input(image, (400, 400), KINDS["robust"])[0]
    np.testing.assert_allclose(made[50:60, 50:60], 5)
    assert np.percentile(made[100:], 99.9) < 3.5


def test_saturated_constant_and_two_valued_channels() -> None:
    saturated = cells(height=3)[0]
    binary = (saturated > 0.6).astype(np.float32)
    one_pixel = np.zeros_like(binary)
    one_pixel[3, 4] = 1
    made = network_input(np.stack([saturated, np.full_like(binary, 7), binary, one_pixel]), SIZE, KINDS["robust"])
    assert np.isfinite(made).all()
    assert not made[1].any()
    assert all(len(np.unique(channel)) == 2 for channel in made[2:])
    assert made[0][binary == 1].min() > made[0][binary == 0].max()


def test_each_channel_has_its_own_scale() -> None:
    both = np.concatenate([cells(0), 100 * cells(1)])
    made = network_input(both, SIZE, KINDS["robust"])
    for at, seed in enumerate((0, 1)):
        np.testing.assert_allclose(made[at], network_input(cells(seed), SIZE, KINDS["robust"])[0], atol=1e-3)


def test_the_card_says_what_was_done() -> None:
    assert KINDS["standard"].header() == {
        "name": "zero-mean-unit-variance", "per": "image", "when": "after resizing",
    }  # fmt: skip
    header = KINDS["robust"].header()
    assert type(KINDS["robust"]).model_validate(header) == KINDS["robust"]
    assert (header["percentiles"], header["limit"], header["fault"]) == ([1.0, 99.8], 5.0, 2.0)
