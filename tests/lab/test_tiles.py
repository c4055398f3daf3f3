"""Tiles and the whole must give the same, whatever the network's padding, depth and the image's size."""

import numpy as np
import pytest
import torch
from lab_engines import Bright

from cellprune.engines.torch import TorchEngine, engine
from cellprune.lab import tiles
from cellprune.models import build
from cellprune.targets.native import decided


class Exact(TorchEngine):
    """Computes in float64, so that what is left of a difference is no rounding; it remembers the sizes it saw."""

    def __call__(self, images: np.ndarray) -> np.ndarray:
        self.seen = [*getattr(self, "seen", []), images.shape[2:]]
        with torch.inference_mode():
            return self._network.double()(torch.from_numpy(images).double()).softmax(1).float().numpy()


def network_engine(*, left_out: int = 0, **settings) -> Exact:
    torch.manual_seed(0)
    network = build({"name": "unet", "width": 4} | settings).eval()
    network.leave_out_levels(left_out)
    for module in network.modules():  # as after training: means and variances of their own
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    plain = engine(network, device="cpu")
    made = Exact(network, plain.card, torch.device("cpu"))
    assert made.receptive_field == plain.receptive_field  # measured in float32, before the first call
    assert made.bytes_per_pixel > 0
    return made


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal(shape, dtype=np.float32)


CASES = [
    ({"depth": 2}, (150, 171)),
    ({"depth": 2, "padding": "valid"}, (150, 171)),
    pytest.param({"depth": 3, "padding": "valid", "norm": "none"}, (263, 190), marks=pytest.mark.slow),
    ({"depth": 1, "in_channels": 3, "classes": 4}, (97, 64)),
    ({"depth": 3}, (64, 401)),
    ({"depth": 3, "left_out": 2}, (150, 139)),  # its poolings halve once, its sizes are those of three
]


@pytest.mark.parametrize(("settings", "size"), CASES, ids=str)
def test_tiles_equal_the_whole(settings: dict, size: tuple[int, int]) -> None:
    net = network_engine(**settings)
    image = noise(settings.get("in_channels", 1), *size)
    whole = net(image[None])[0]
    told: list[tuple[int, int]] = []
    tiled = tiles.probabilities(net, image, memory_bytes=1, step=lambda *at: told.append(at))
    assert len(told) > 1, "it went through in tiles"
    assert told[-1][0] == told[-1][1] == len(told)
    assert np.abs(tiled - whole).max() < 1e-7
    native = (size[0] * 2, size[1] + 13)
    assert np.array_equal(decided(tiled, native), decided(whole, native))


@pytest.mark.slow
def test_tiles_equal_the_whole_for_a_network_of_the_library() -> None:
    """Its grid is coarser and its field wider than our U-Net's, and a small image is mirrored to its least size."""
    torch.manual_seed(0)
    network = build({"name": "smp:unet/resnet18"}).eval()
    net = Exact(network, engine(network, device="cpu").card, torch.device("cpu"))
    assert net.receptive_field is not None
    assert net.receptive_field.stride_px == 32
    image = noise(1, 60, 1000)
    tiled = tiles.probabilities(net, image, memory_bytes=1)
    assert len(net.seen) > 1
    assert np.abs(tiled - net(image[None])[0]).max() < 1e-7


def test_a_smaller_halo_would_not_do() -> None:
    """The test above sees a wrong halo: with one pooling cell less the tiles differ."""
    net, image = network_engine(depth=2), noise(1, 150, 171)
    field = net.receptive_field
    net._known_field[:] = [field.model_copy(update={"radius_px": field.radius_px - 4 - field.radius_px % 4})]
    assert np.abs(tiles.probabilities(net, image, memory_bytes=1) - net(image[None])[0]).max() > 1e-7


def test_an_image_that_fits_goes_through_in_one_piece(bright: Bright) -> None:
    tiles.probabilities(bright, noise(1, 30, 40), memory_bytes=1200)
    assert bright.seen == [(1, 1, 30, 40)]


@pytest.mark.parametrize("memory", [100, 500, 5_000, 50_000])
def test_no_tile_takes_more_than_the_memory(bright: Bright, memory: int) -> None:
    image = noise(1, 301, 257)
    tiled = tiles.probabilities(bright, image, memory_bytes=memory)
    assert np.array_equal(tiled, Bright()(image[None])[0])
    assert max(height * width for _, _, height, width in bright.seen) <= memory


def test_a_network_without_bound_is_tiled_with_a_generous_halo() -> None:
    net = network_engine(depth=1, norm="instance")
    assert net.receptive_field is None
    image = noise(1, 400, 330)
    tiled = tiles.probabilities(net, image, memory_bytes=1)
    assert tiled.shape == (2, 400, 330)
    assert np.isfinite(tiled).all()
    assert len(net.seen) > 1
    assert min(min(size) for size in net.seen) > 128
