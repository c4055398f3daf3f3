"""Multiply-adds against torch's own counter, and the shape of the table."""

import pytest
import torch
from reference_pruning import EveryKind
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cellprune.models import build, resnet
from cellprune.structure.cost import cost

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
    assert 2 * table["macs"]["dense"] == counter.get_total_flops()
    assert table["macs"]["masked"] == table["macs"]["dense"]
    assert table["sparsity"]["direct"] == 0


def test_masks_count_where_they_lie():
    model = EveryKind()
    mask = torch.zeros_like(model.down.weight, dtype=torch.bool)
    mask[0] = True
    state = {name: value.clone() for name, value in model.state_dict().items()}
    table = cost(model, (2, 6, 6), {"down.weight": mask})
    rows = {row["name"]: row for row in table["layers"]}
    assert table["parameters"] == {"total": sum(p.numel() for p in model.parameters()), "prunable": 144, "kept": 36}
    assert table["sparsity"]["direct"] == 0.75
    assert table["sparsity"]["input"] == [2, 6, 6]
    assert rows["down.weight"] | {"active": 0} == {
        "name": "down.weight", "kind": "Conv2d", "shape": [4, 4, 3, 3], "weights": 144, "kept": 36, "active": 0,
        "macs": 144 * 9, "macs_kept": 36 * 9,
    }  # fmt: skip
    assert rows["twice.weight"]["macs"] == 2 * 16 * 9  # used twice, counted twice
    assert rows["unused.weight"]["macs"] == rows["unused.weight"]["active"] == 0
    assert table["macs"]["dense"] - table["macs"]["masked"] == 108 * 9
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert model.training
