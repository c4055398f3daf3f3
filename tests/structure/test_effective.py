"""Active weights against every single path, and against the sum over paths in float64."""

import pytest
import torch
from reference_pruning import path_by_path
from torch import nn

from cellprune.models import build
from cellprune.structure.effective import active_weights
from cellprune.structure.layers import weighted_layers


@pytest.mark.parametrize("seed", range(6))
def test_a_chain_agrees_with_every_single_path(seed):
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Conv1d(2, 3, 3, padding=1), nn.BatchNorm1d(3), nn.ReLU(), nn.Conv1d(3, 3, 5, padding=2), nn.GELU(),
        nn.Dropout(), nn.Conv1d(3, 2, 3, padding=1),
    )  # fmt: skip
    masks = {f"{i}.weight": torch.rand(model[i].weight.shape) < 0.3 for i in (0, 3, 6)}
    active = active_weights(model, (2, 3), masks)
    for ours, theirs in zip(active.values(), path_by_path(list(masks.values()), 3), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("seed", range(3))
def test_a_unet_agrees_with_the_sum_over_paths(seed):
    torch.manual_seed(seed)
    model = build({"name": "unet", "width": 4, "depth": 2})
    masks = {name: torch.rand(layer.weight.shape) < 0.35 for name, layer in weighted_layers(model).items()}
    active = active_weights(model, (1, 8, 8), masks)

    wiring = build({"name": "unet", "width": 4, "depth": 2, "norm": "none"}).double()
    wiring.pool = nn.AvgPool2d(2)
    ones = {}
    with torch.no_grad():
        for parameter in wiring.parameters():
            parameter.zero_()
        for (name, mask), layer in zip(masks.items(), weighted_layers(wiring).values(), strict=True):
            layer.weight.copy_(mask)
            ones[name] = layer.weight
    wiring(torch.ones(1, 1, 8, 8, dtype=torch.float64)).sum().backward()
    assert 0 < sum(int(a.sum()) for a in active.values()) < sum(int(m.sum()) for m in masks.values())
    for name, weight in ones.items():
        assert torch.equal(active[name], masks[name] & (weight.grad > 0))


def test_taps_that_only_meet_padding_are_dead_in_a_dense_network():
    model = build({"name": "unet", "width": 2, "depth": 3})
    active = active_weights(model, (1, 8, 8))  # the lowest maps are one pixel
    bottom = active["down.3.0.weight"]
    assert bottom.sum() == bottom.numel() / 9
    assert bottom[..., 1, 1].all()
    assert active["down.0.0.weight"].all()


def test_max_pools_pass_every_position_on():
    torch.manual_seed(0)
    pools = [nn.MaxPool2d(2, ceil_mode=True), nn.AdaptiveMaxPool2d(1)]
    for pool in pools:
        model = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), pool, nn.Conv2d(2, 1, 1))
        assert active_weights(model, (1, 5, 5))["0.weight"].all()


def test_the_network_is_left_as_it_was():
    model = build({"name": "unet", "width": 2, "depth": 1})
    state = {name: value.clone() for name, value in model.state_dict().items()}
    active_weights(model, (1, 4, 4))
    assert model.training
    assert all(p.grad is None for p in model.parameters())
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
