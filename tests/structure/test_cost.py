"""Multiply-adds against torch's own counter, and the shape of the table."""

from dataclasses import replace

import pytest
import torch
from reference_pruning import EveryKind
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cellprune.models import build, resnet
from cellprune.structure.cost import cost
from cellprune.structure.counts import ChannelCount, Layer, Parameters
from cellprune.structure.layers import by_output
from cellprune.structure.trace import find

NETWORKS = {
    "unet": (lambda: build({"name": "unet", "width": 4, "depth": 3}), (1, 32, 48)),
    "valid unet": (lambda: build({"name": "unet", "width": 4, "depth": 2, "padding": "valid"}), (1, 20, 33)),
    "resnet20": (resnet.build, (3, 32, 32)),
    "every kind": (EveryKind, (2, 6, 6)),
    "tokens": (lambda: nn.Sequential(nn.Linear(4, 6), nn.Linear(6, 2)), (5, 4)),
    "grouped": (lambda: nn.Sequential(nn.Conv2d(4, 8, 3, groups=2), nn.ConvTranspose2d(8, 4, 3, groups=4)), (4, 9, 7)),
}


@pytest.mark.parametrize("network", NETWORKS)
def test_multiply_adds_equal_half_the_operations_that_torch_counts(network):
    make, size = NETWORKS[network]
    torch.manual_seed(0)
    model = make()
    model[0].train() if isinstance(model, nn.Sequential) else None
    table = cost(model, size)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.eval()(torch.ones(1, *size))
    assert 2 * table.macs.dense == counter.get_total_flops()
    assert table.macs.masked == table.macs.dense
    assert table.sparsity.direct == 0


def test_masks_count_where_they_lie():
    model = EveryKind()
    mask = torch.zeros_like(model.down.weight, dtype=torch.bool)
    mask[0] = True
    state = {name: value.clone() for name, value in model.state_dict().items()}
    table = cost(model, (2, 6, 6), {"down.weight": mask})
    rows = {row.name: row for row in table.layers}
    total = sum(p.numel() for p in model.parameters())
    assert table.parameters == Parameters(total, total - 108, 144, 36, rows["down.weight"].active)
    assert table.sparsity.direct == 0.75
    assert table.sparsity.input == (2, 6, 6)
    assert replace(rows["down.weight"], active=0) == Layer(
        "down.weight", "Conv2d", (4, 4, 3, 3), weights=144, kept=36, active=0, channels=4, channels_kept=1,
        macs=144 * 9, macs_kept=36 * 9,
    )  # fmt: skip
    assert rows["twice.weight"].macs == 2 * 16 * 9  # used twice, counted twice
    assert rows["unused.weight"].macs == rows["unused.weight"].active == 0
    assert table.macs.dense - table.macs.masked == 108 * 9
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert model.training


def test_channels_are_counted_once_and_with_all_that_goes_with_them():
    torch.manual_seed(0)
    model = build({"name": "unet", "width": 4, "depth": 1})
    channels = find(model, torch.ones(1, 1, 8, 8))
    kept = torch.rand(channels.count) > 0.4
    masks = channels.masks(kept, {name: p.shape for name, p in model.named_parameters()})
    assert torch.equal(channels.kept(masks), kept)
    table = cost(model, (1, 8, 8), masks)
    assert table.channels == ChannelCount(channels.count, int(kept.sum()))
    left = sum(int(masks[name].sum()) if name in masks else p.numel() for name, p in model.named_parameters())
    assert table.parameters.left == left
    for row in table.layers:
        made = channels.layers().get(row.name)
        assert row.channels_kept == (row.channels if made is None else int(kept[made].sum()))
    assert cost(model, (1, 8, 8)).channels is None


def test_a_row_for_each_output_wherever_its_weights_stand():
    grouped = nn.ConvTranspose2d(4, 6, 1, groups=2, bias=False)  # weight (4, 3, 1, 1): inputs first, a group's outputs
    for output in range(6):
        x = torch.ones(1, 4, 1, 1)
        assert torch.allclose(grouped(x)[0, output, 0, 0], by_output(grouped, grouped.weight)[output].sum())
    plain, linear = nn.Conv2d(4, 6, 3, groups=2), nn.Linear(4, 6)
    assert by_output(plain, plain.weight).shape == (6, 18)
    assert torch.equal(by_output(linear, linear.weight), linear.weight)
