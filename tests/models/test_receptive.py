"""How far a network looks, against what its layers say, and against what it does."""

import pytest
import torch
from torch import nn

from cellprune.models import build
from cellprune.models.receptive import receptive_field
from cellprune.runs.modelcard import ReceptiveField


def unet(**settings) -> nn.Module:
    return build({"name": "unet", "width": 2, **settings})


@pytest.mark.parametrize(("depth", "radius"), [(1, 8), (2, 22), (3, 46), (4, 94)])
def test_the_unet_looks_as_far_as_its_convolutions_add_up(depth: int, radius: int) -> None:
    assert receptive_field(unet(depth=depth), 1) == ReceptiveField(radius_px=radius, stride_px=2**depth)


@pytest.mark.parametrize(("depth", "radius"), [(1, 8), (2, 20), (3, 46)])
def test_a_network_without_padding_looks_as_far_as_it_mirrors(depth: int, radius: int) -> None:
    network = unet(depth=depth, padding="valid")
    assert receptive_field(network, 1) == ReceptiveField(radius_px=radius, stride_px=2**depth)
    assert radius == (network.input_size(64) - 64) // 2


def test_plain_convolutions() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 2, 5, padding=4, dilation=2))
    assert receptive_field(network, 3) == ReceptiveField(radius_px=5, stride_px=1)
    assert receptive_field(nn.Conv2d(1, 2, 1), 1) == ReceptiveField(radius_px=0, stride_px=1)


def test_an_uneven_kernel_counts_with_its_longer_side() -> None:
    network = nn.Conv2d(1, 2, (3, 9), padding=(1, 4))
    assert receptive_field(network, 1) == ReceptiveField(radius_px=4, stride_px=1)


def test_pruned_weights_count_as_weights() -> None:
    network = unet(depth=2)
    for parameter in network.parameters():
        nn.init.zeros_(parameter)
    assert receptive_field(network, 1) == ReceptiveField(radius_px=22, stride_px=4)


@pytest.mark.parametrize("norm", ["instance", "group"])
def test_a_norm_over_the_image_has_no_bound(norm: str) -> None:
    assert receptive_field(unet(depth=1, norm=norm), 1) is None


def test_a_grid_of_thirds_is_not_told() -> None:
    network = nn.Sequential(nn.AvgPool2d(3), nn.Upsample(scale_factor=3), nn.ZeroPad2d((0, 1, 0, 1)))
    assert receptive_field(network, 1) is None


def test_the_network_is_left_as_it_was() -> None:
    network = unet(depth=1)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    assert network.training
    receptive_field(network, 1)
    assert all(module.training for module in network.modules())
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
