"""What channels cost in each unit, held against the shrunk network itself."""

import pytest
import torch
from torch import nn

from cellprune.errors import CellpruneError
from cellprune.models import build, resnet
from cellprune.pruning.ranking.latency import LatencyTable
from cellprune.pruning.ranking.prices import priced
from cellprune.structure.shrink import shrink
from cellprune.structure.trace import find


def numbers_of_an_image(model: nn.Module, inputs: torch.Tensor) -> int:
    """Count parameters, and the outputs of convolutions and linear layers of one image, by running it."""
    counts = [sum(p.numel() for p in model.parameters())]
    layers = [layer for layer in model.modules() if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear))]
    handles = [layer.register_forward_hook(lambda *called: counts.append(called[-1][0].numel())) for layer in layers]
    model(inputs)
    for handle in handles:
        handle.remove()
    return sum(counts)


@pytest.mark.parametrize("make", [lambda: build({"name": "unet", "width": 4, "depth": 2}),
                                  lambda: resnet.build(width=4, classes=3)], ids=["unet", "resnet20"])  # fmt: skip
def test_memory_is_what_the_shrunk_network_takes(make) -> None:
    torch.manual_seed(0)
    model = make()
    inputs = torch.randn(2, next(model.parameters()).shape[1], 16, 16)
    channels = find(model, inputs)
    prices = priced(model, inputs, channels, "memory")
    kept = torch.rand(channels.count) > 0.3
    for made in channels.layers().values():
        kept[made[0]] = True
    small = shrink(model, channels.masks(kept, {name: p.shape for name, p in model.named_parameters()}), inputs)
    assert prices.total(torch.ones_like(kept)) == numbers_of_an_image(model, inputs)
    assert prices.total(kept) == numbers_of_an_image(small, inputs)


def test_a_channel_costs_one_channel_and_a_block_as_many_as_it_holds() -> None:
    model, inputs = nn.Sequential(nn.Conv2d(1, 5, 1), nn.Conv2d(5, 2, 1)), torch.randn(1, 1, 4, 4)
    prices = priced(model, inputs, find(model, inputs), "channels").together(torch.tensor([0, 1, 0, 1, 0]))
    assert prices.each(torch.ones(2, dtype=torch.bool)).tolist() == [3, 2]
    assert prices.total(torch.tensor([True, False])) == 3
    assert prices.added(torch.tensor([True, False]), 1) == 2


@pytest.mark.parametrize("unit", ["macs", "memory", "latency"])
def test_what_has_no_size_is_not_counted(unit: str) -> None:
    model, inputs = nn.Sequential(nn.Conv2d(1, 5, 1), nn.Conv2d(5, 2, 1)), torch.randn(1, 1, 4, 4)
    with pytest.raises(CellpruneError, match="need inputs that are one tensor: count params"):
        priced(model, [inputs], find(model, inputs), unit, LatencyTable(lambda shape: 1.0))
