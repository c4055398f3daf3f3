"""Budgets of channels: counted against the masked network, and nothing that would still fit is left out."""

import logging

import pytest
import torch
from torch.nn import functional as F

from cellprune.models import build, resnet
from cellprune.pruning.costs import Prices
from cellprune.pruning.prune import prune
from cellprune.structure.channels import find
from cellprune.structure.cost import cost, positions_per_weight


def unet():
    torch.manual_seed(0)
    data = [(torch.randn(2, 1, 16, 16), torch.randint(0, 2, (2, 16, 16)))]
    return build({"name": "unet", "width": 4, "depth": 2}), data


def residual():
    torch.manual_seed(0)
    return resnet.build(width=4, classes=3), [(torch.randn(6, 3, 8, 8), torch.arange(6) % 3)]


def prices_of(model, data, unit):
    channels = find(model, data[0][0])
    macs = positions_per_weight(model, data[0][0].shape[1:])
    return Prices.of(model, channels, macs if unit == "macs" else {name: 1 for name, _ in model.named_parameters()})


def spent(model, data, masks, unit):
    """Count under the masks themselves."""
    if unit == "macs":
        return cost(model, data[0][0].shape[1:], masks)["macs"]["masked"]
    return sum(int(masks[name].sum()) if name in masks else p.numel() for name, p in model.named_parameters())


@pytest.mark.parametrize("make", [unet, residual])
@pytest.mark.parametrize("unit", ["params", "macs"])
def test_prices_are_differences_of_totals(make, unit):
    model, data = make()
    prices = prices_of(model, data, unit)
    kept = torch.rand(prices.channels.count) > 0.3
    each = prices.each(kept)
    for channel in kept.nonzero().squeeze(1).tolist()[::5]:
        without = kept.clone()
        without[channel] = False
        assert each[channel] == prices.total(kept) - prices.total(without) == prices.added(without, channel) > 0
    masks = prices.channels.masks(kept, {name: p.shape for name, p in model.named_parameters()})
    assert prices.total(kept) == spent(model, data, masks, unit)


@pytest.mark.parametrize("make", [unet, residual])
@pytest.mark.parametrize("unit", ["params", "macs"])
@pytest.mark.parametrize("pricing", ["static", "marginal"])
def test_the_budget_holds_and_no_removed_channel_fits(make, unit, pricing, caplog):
    model, data = make()
    with caplog.at_level(logging.INFO, "cellprune"):
        masks = prune(model, method="snip", budget={unit: 0.3}, batches=data, loss=F.cross_entropy,
                      granularity="channel", cost=pricing)  # fmt: skip
    prices = prices_of(model, data, unit)
    kept = torch.zeros(prices.channels.count, dtype=torch.bool)
    for name, axis in prices.channels.outputs.items():
        made = masks[name].transpose(0, axis).flatten(1).any(1)
        kept[prices.channels.of[name][axis][made]] = True
    dense = prices.total(torch.ones_like(kept))
    used = prices.total(kept)
    assert used == spent(model, data, masks, unit) <= 0.3 * dense
    assert all(used + prices.added(kept, i) > int(0.3 * dense) for i in range(len(kept)) if not kept[i])
    assert f"budget {unit}: {int(0.3 * dense)} of {dense} allowed (0.3), {used} spent" in caplog.text


def test_prices_that_are_recomputed_choose_otherwise():
    model, data = unet()
    chosen = [prune(model, method="snip", budget={"params": 0.2}, batches=data, loss=F.cross_entropy,
                    granularity="channel", cost=pricing) for pricing in ("static", "marginal")]  # fmt: skip
    assert any(not torch.equal(chosen[0][name], chosen[1][name]) for name in chosen[0])


def test_a_budget_of_channels_is_the_rest_of_a_sparsity():
    model, data = unet()
    asked = [prune(model, method="snip", **share, batches=data, loss=F.cross_entropy, granularity="channel")
             for share in ({"budget": {"channels": 0.4}}, {"sparsity": 0.6})]  # fmt: skip
    assert all(torch.equal(asked[0][name], asked[1][name]) for name in asked[0])
