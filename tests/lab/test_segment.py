"""One image to labels: the same sums as the run's own scores, and refusals that name what is wrong."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lab_engines import Bright, spots

import cellprune
from cellprune.engines.torch import engine
from cellprune.errors import CellpruneError
from cellprune.images.network_input import network_size
from cellprune.images.read import ImageError
from cellprune.lab import segment
from cellprune.lab.segment import class_map, decided, predict
from cellprune.models import build


@pytest.mark.parametrize("old", [(7, 9), (16, 16), (1, 5)])
@pytest.mark.parametrize("new", [(7, 9), (520, 33), (5, 4), (1, 1)])
def test_maps_go_back_as_torch_brings_them(old: tuple[int, int], new: tuple[int, int]) -> None:
    maps = np.random.default_rng(0).random((3, *old), dtype=np.float32)
    theirs = torch.nn.functional.interpolate(torch.from_numpy(maps)[None], new, mode="bilinear", align_corners=False)
    assert np.array_equal(decided(maps, new), theirs[0].argmax(0).numpy())


@pytest.mark.parametrize("new", [(520, 696), (512, 512), (161, 133)])
def test_two_maps_go_back_as_torch_brings_them_bit_for_bit(new: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    one = rng.random((256, 256), dtype=np.float32)
    nearly = one + rng.integers(-2, 3, one.shape).astype(np.float32) * np.spacing(one)  # the last digit decides
    maps = np.stack([one, nearly])
    theirs = torch.nn.functional.interpolate(torch.from_numpy(maps)[None], new, mode="bilinear", align_corners=False)
    assert np.array_equal(decided(maps, new), theirs[0].argmax(0).numpy())


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.tuples(st.integers(1, 90), st.integers(1, 90)),
    st.sampled_from([0, 1, 3, 100, 2**20]),
    st.sampled_from([1e-30, 1.0, 1e6]),
)
def test_two_maps_are_decided_as_any_number_is(seed: int, old, new, ulps: int, scale: float) -> None:
    """Also where they are equal, or differ by the last digits of a number of any size."""
    rng = np.random.default_rng(seed)
    one = (scale * rng.random(old)).astype(np.float32)
    other = one + rng.integers(-ulps, ulps + 1, old).astype(np.float32) * np.spacing(one)
    maps = np.stack([one, other])
    three = np.stack([one, other, np.full_like(one, -1)])
    assert np.array_equal(decided(maps, new), decided(three, new))


def test_where_a_network_fails_two_maps_are_decided_as_any_number_is() -> None:
    maps = np.random.default_rng(0).random((2, 9, 9), dtype=np.float32)
    maps[0, 2, 3] = maps[1, 6, 6] = np.nan
    three = np.concatenate([maps, np.full((1, 9, 9), -1, np.float32)])
    assert np.array_equal(decided(maps, (30, 30)), decided(three, (30, 30)))


def test_bands_of_rows_join_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    maps = np.random.default_rng(0).random((2, 50, 20), dtype=np.float32)
    whole = decided(maps, (110, 31))
    monkeypatch.setattr(segment, "_BAND_PX", 7)
    assert np.array_equal(decided(maps, (110, 31)), whole)


def test_the_image_is_zoomed_by_the_factors_of_training_on_each_axis() -> None:
    engine = Bright(zoom=(0.5, 2.0))
    assert class_map(engine, spots((40, 50))[None].astype(np.float32)).shape == (40, 50)
    assert engine.seen == [(1, 1, 20, 100)]


def test_the_images_statistics_are_the_whole_images_also_in_tiles() -> None:
    image = spots((200, 300), [(3, 3, 20, 20), (150, 250, 30, 30)])[None].astype(np.float32)
    whole = class_map(Bright(), image)
    engine = Bright()
    tiled = class_map(engine, image, memory_bytes=3000)
    assert len(engine.seen) > 4
    assert np.array_equal(tiled, whole)


def test_predict_numbers_the_cells(bright: Bright) -> None:
    labels = predict(bright, spots())
    assert labels.dtype == np.int32
    assert sorted(np.unique(labels)) == [0, 1, 2]
    assert (labels > 0).sum() == 10 * 12 + 9 * 9
    assert cellprune.predict is predict


def test_predict_takes_any_torch_network() -> None:
    torch.manual_seed(0)
    network = build({"name": "unet", "width": 2, "depth": 1, "in_channels": 3})
    assert predict(network, np.random.default_rng(0).random((3, 33, 21))).shape == (33, 21)


def test_predict_takes_channels_first_or_last(bright: Bright) -> None:
    colour = np.random.default_rng(0).random((3, 33, 21))
    model = Bright(channels=3)
    assert np.array_equal(predict(model, np.moveaxis(colour, 0, 2)), predict(model, colour))
    assert np.array_equal(predict(bright, spots()[:, :, None]), predict(bright, spots()))
    with pytest.raises(ImageError, match="the image has 3 channels, but the model takes 1: convert it to grey"):
        predict(bright, np.moveaxis(colour, 0, 2))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_predict_runs_networks_of_any_precision_in_float32(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    network = build({"name": "unet", "width": 2, "depth": 1}).to(dtype)
    image = np.random.default_rng(0).random((33, 21))
    labels = predict(network, image)
    assert next(network.parameters()).dtype == dtype
    assert np.array_equal(labels, predict(network.float(), image))


def test_predict_between_two_epochs_leaves_training_as_it_is() -> None:
    torch.manual_seed(0)
    network = build({"name": "unet", "width": 2, "depth": 1})
    network.down[0].eval()
    predict(network, np.random.default_rng(0).random((33, 21)))
    assert {name for name, module in network.named_modules() if not module.training} == {
        name for name, _ in network.named_modules() if name.startswith("down.0")
    }
    network(torch.randn(2, 1, 16, 16))
    assert int(network.down[1][1].num_batches_tracked) == 1, "batch statistics still move"


def test_a_network_that_takes_no_single_image_is_refused_in_one_line() -> None:
    class Pair(torch.nn.Conv2d):
        def forward(self, image, other):
            return super().forward(image)

    with pytest.raises(CellpruneError, match=r"float32 image of shape \(1, 3, 128, 128\) alone \(TypeError: .*missing"):
        engine(Pair(3, 2, 1))


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (np.zeros((2, 9, 9)) + np.arange(9), "has 2 channels, but the model takes 1: save the one channel to use"),
        (np.zeros((3, 9, 9)) + np.arange(9), "has 3 channels, but the model takes 1: convert it to grey"),
        (np.ones((9, 9)), "constant"),
        (np.full((9, 9), np.nan), "constant or has NaN"),
        (np.ones((9, 9))[:0], r"shape \(0, 9\) has no pixels"),
        (np.eye(9) + 0j, "holds complex128 values, which are not grey levels"),
        (np.eye(9) > 0, "holds bool values, which are not grey levels"),
        ("cells/a.tif", "'cells/a.tif' is a path, not an image: give its pixels"),
        (np.ones(9), r"shape \(9,\): give \(H, W\), or \(C, H, W\)"),
    ],
)
def test_an_image_that_cannot_be_used_is_refused(image: np.ndarray | str, said: str, bright: Bright) -> None:
    with pytest.raises(ImageError, match=said):
        predict(bright, image)


def test_a_zoom_that_asks_for_too_much_is_refused_before_memory_is_taken() -> None:
    with pytest.raises(ImageError, match="zoomed by 100 x 100 give more than"):
        network_size((4000, 4000), (100, 100))
    assert network_size((3, 3), (0.01, 0.01)) == (1, 1)


def test_a_network_that_gives_no_maps_is_refused() -> None:
    with pytest.raises(CellpruneError, match="one logit map a class"):
        engine(torch.nn.Conv2d(1, 1, 3, padding=1))
    with pytest.raises(CellpruneError, match="no convolution"):
        engine(torch.nn.ReLU())


def test_a_network_that_does_not_mirror_is_given_sizes_that_it_takes() -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3, padding=1), torch.nn.AvgPool2d(4), torch.nn.Upsample(scale_factor=4)
    )
    wrapped = engine(network, device="cpu")
    assert wrapped.input_size(30) == 32
    assert wrapped(np.zeros((1, 1, 30, 41), np.float32)).shape == (1, 2, 30, 41)


def test_a_device_that_is_not_there_is_named() -> None:
    if torch.backends.mps.is_available():
        pytest.skip("this machine has it")
    with pytest.raises(CellpruneError, match="--device mps: torch finds no such device here"):
        engine(build({"name": "unet", "width": 2, "depth": 1}), device="mps")


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 90), st.integers(1, 90))
def test_maps_of_one_class_stay_of_that_class(h: int, w: int, height: int, width: int) -> None:
    maps = np.stack([np.zeros((h, w), np.float32), np.ones((h, w), np.float32)])
    assert (decided(maps, (height, width)) == 1).all()
