"""VGG for small images: the published sizes, stages of chosen widths, and a start that lets signals through."""

import pytest
import torch
from torch import nn

from cellprune.errors import CellpruneError
from cellprune.models.vgg import vgg16, vgg19


@pytest.mark.parametrize(("make", "parameters", "convolutions"), [(vgg16, 14_728_266, 13), (vgg19, 20_040_522, 16)])
def test_it_has_the_published_size(make, parameters: int, convolutions: int) -> None:
    with torch.device("meta"):
        network = make()
    assert sum(p.numel() for p in network.parameters()) == parameters
    assert sum(isinstance(module, nn.Conv2d) for module in network) == convolutions
    assert network.widths == (64, 128, 256, 512, 512)


@pytest.mark.parametrize("size", [(16, 16), (32, 32), (48, 33)])
def test_it_gives_one_logit_a_class_whatever_the_size(size: tuple[int, int]) -> None:
    network = vgg16(in_channels=1, classes=3, width=2).eval()
    assert network(torch.randn(2, 1, *size)).shape == (2, 3)


def test_widths_are_those_of_the_five_stages() -> None:
    network = vgg16(widths=(1, 2, 3, 4, 5), width=99)
    made = [module.out_channels for module in network if isinstance(module, nn.Conv2d)]
    assert made == [1, 1, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5]
    assert vgg16(width=3).widths == (3, 6, 12, 24, 24)
    with pytest.raises(CellpruneError, match="must be 5 whole numbers"):
        vgg16(widths=(1, 2, 3, 4))


def test_biases_start_at_zero_and_signals_neither_vanish_nor_explode() -> None:
    torch.manual_seed(0)
    network = vgg16(width=8)
    assert all(not p.any() for name, p in network.named_parameters() if name.endswith("bias"))
    kernel = [module for module in network if isinstance(module, nn.Conv2d)][-1].weight.detach()
    assert kernel.std() == pytest.approx((2 / kernel[0].numel()) ** 0.5, rel=0.1), "He's, for what ReLU lets through"
    deviation = network(torch.randn(8, 3, 32, 32)).std()
    assert 0.1 < deviation < 10
