"""Budgets of channels: counted against the masked network, and no channel or block that would still fit is left out."""

import logging
from fractions import Fraction

import pytest
import torch
from channel_networks import residual, unet
from torch import nn
from torch.nn import functional as F

from cellprune.errors import CellpruneError
from cellprune.models import build, resnet
from cellprune.pruning.prune import prune
from cellprune.pruning.ranking.blocks import in_blocks
from cellprune.pruning.ranking.prices import priced
from cellprune.pruning.ranking.spending import within
from cellprune.pruning.ranking.whole_channels import best_of_layers
from cellprune.structure.cost import cost
from cellprune.structure.trace import find


def spent(model, data, masks, unit):
    """Count under the masks themselves."""
    if unit == "macs":
        return cost(model, data[0][0].shape[1:], masks).macs.masked
    return sum(int(masks[name].sum()) if name in masks else p.numel() for name, p in model.named_parameters())


@pytest.mark.parametrize("make", [unet, residual])
@pytest.mark.parametrize("unit", ["params", "macs"])
def test_prices_are_differences_of_totals(make, unit):
    model, data = make()
    channels = find(model, data[0][0])
    prices = priced(model, data[0][0], channels, unit)
    kept = torch.rand(channels.count) > 0.3
    each = prices.each(kept)
    for channel in kept.nonzero().squeeze(1).tolist()[::5]:
        without = kept.clone()
        without[channel] = False
        assert each[channel] == prices.total(kept) - prices.total(without) == prices.added(without, channel) > 0
    masks = channels.masks(kept, {name: p.shape for name, p in model.named_parameters()})
    assert prices.total(kept) == spent(model, data, masks, unit)


@pytest.mark.parametrize("make", [unet, residual])
@pytest.mark.parametrize("unit", ["params", "macs"])
@pytest.mark.parametrize("pricing", ["static", "marginal"])
def test_the_budget_holds_and_no_removed_channel_fits(make, unit, pricing, caplog):
    model, data = make()
    with caplog.at_level(logging.INFO, "cellprune"):
        masks = prune(model, method="snip", budget={unit: 0.3}, batches=data, loss=F.cross_entropy,
                      granularity="channel", pricing=pricing, round_to=1)  # fmt: skip
    channels = find(model, data[0][0])
    prices, kept = priced(model, data[0][0], channels, unit), channels.kept(masks)
    dense = prices.total(torch.ones_like(kept))
    used = prices.total(kept)
    assert used == spent(model, data, masks, unit) <= 0.3 * dense
    assert all(used + prices.added(kept, i) > int(0.3 * dense) for i in range(len(kept)) if not kept[i])
    assert f"budget {unit}: {int(0.3 * dense)} of {dense} allowed (0.3), {used} spent" in caplog.text


def of_channels(prices, scores, allowed, stays, pricing):
    """Take channels away one by one, each time counting the whole network anew; then put back what fits."""
    kept = torch.ones(prices.count, dtype=torch.bool)

    def total(changed, value):
        other = kept.clone()
        other[changed] = value
        return prices.total(other)

    n = len(kept)
    dense = [prices.total(kept) - total(i, False) for i in range(n)]
    while prices.total(kept) > allowed:
        now = dense if pricing == "static" else [prices.total(kept) - total(i, False) for i in range(n)]
        left = [i for i in range(n) if kept[i] and i not in stays]
        kept[min(left, key=lambda i: (float(scores[i]) / now[i], -i))] = False
    removed = [i for i in range(n) if not kept[i]]
    price = {i: dense[i] if pricing == "static" else total(i, True) - prices.total(kept) for i in removed}
    for i in sorted(removed, key=lambda i: (-float(scores[i]) / price[i], i)):
        if total(i, True) <= allowed:
            kept[i] = True
    return kept


@pytest.mark.parametrize("make", [unet, pytest.param(residual, marks=pytest.mark.slow)])
@pytest.mark.parametrize("unit", ["params", "macs"])
@pytest.mark.parametrize("pricing", ["static", pytest.param("marginal", marks=pytest.mark.slow)])
def test_channels_within_a_budget_are_those_of_the_slow_reference(make, unit, pricing):
    model, data = make()
    channels = find(model, data[0][0])
    prices = priced(model, data[0][0], channels, unit)
    scores = torch.randint(0, 4, (channels.count,)).double()  # few values, so that ties abound
    stays = best_of_layers(channels, scores)
    kept, allowed, spent = within(prices, scores, Fraction("0.8"), stays, pricing)
    assert torch.equal(kept, of_channels(prices, scores, allowed, stays, pricing))
    assert spent == prices.total(kept) <= allowed


def test_prices_that_are_recomputed_choose_otherwise():
    model, data = unet()
    chosen = [prune(model, method="snip", budget={"params": 0.2}, batches=data, loss=F.cross_entropy,
                    granularity="channel", pricing=way, round_to=1) for way in ("static", "marginal")]  # fmt: skip
    assert any(not torch.equal(chosen[0][name], chosen[1][name]) for name in chosen[0])


def test_a_budget_of_channels_is_the_rest_of_a_sparsity():
    model, data = unet()
    asked = [prune(model, method="snip", **share, batches=data, loss=F.cross_entropy, granularity="channel")
             for share in ({"budget": {"channels": 0.4}}, {"sparsity": 0.6})]  # fmt: skip
    assert all(torch.equal(asked[0][name], asked[1][name]) for name in asked[0])


@pytest.mark.parametrize(
    ("amount", "least"),
    [({"sparsity": 0.6}, 0.3), ({"budget": {"params": 0.4}}, 0.5), ({"budget": {"macs": 0.4}}, 0.5)],
)
def test_a_floor_of_channels_holds_in_every_layer(amount, least):
    model, data = unet()
    masks, bare = (prune(model, method="snip", **amount, batches=data, loss=F.cross_entropy, granularity="channel",
                         floor=floor, round_to=1) for floor in (least, 0.0))  # fmt: skip
    channels = find(model, data[0][0])
    shares = [[float(chosen[name].transpose(0, channels.outputs[name]).flatten(1).any(1).double().mean())
               for name in channels.layers()] for chosen in (masks, bare)]  # fmt: skip
    assert min(shares[0]) >= least > min(shares[1])
    with pytest.raises(CellpruneError, match=r"keeps a share of 0\.9 "):
        prune(model, method="snip", **amount, batches=data, loss=F.cross_entropy, granularity="channel", floor=0.9)


def wide_unet():
    torch.manual_seed(0)
    data = [(torch.randn(2, 1, 16, 16), torch.randint(0, 2, (2, 16, 16)))]
    return build({"name": "unet", "widths": [12, 36, 48]}), data


def wide_residual():
    torch.manual_seed(0)
    return resnet.build(width=16, classes=3), [(torch.randn(6, 3, 8, 8), torch.arange(6) % 3)]


@pytest.mark.parametrize("make", [wide_unet, wide_residual])
@pytest.mark.parametrize("unit", ["params", "macs"])
@pytest.mark.parametrize(("round_to", "share"), [("auto", 0.7), (8, 0.3)])
def test_blocks_hold_the_budget_and_make_multiples(make, unit, round_to, share):
    model, data = make()
    masks = prune(model, method="snip", budget={unit: share}, batches=data, loss=F.cross_entropy,
                  granularity="channel", round_to=round_to)  # fmt: skip
    assert spent(model, data, masks, unit) <= share * spent(model, data, {}, unit)
    for name, axis in find(model, data[0][0]).outputs.items():
        if name in masks:
            width = model.get_parameter(name).shape[axis]
            kept = int(masks[name].transpose(0, axis).flatten(1).any(1).sum())
            multiple = {"auto": 16 if width >= 16 else 8}.get(round_to, round_to)
            assert kept > 0
            assert kept % multiple == 0 or kept == width


@pytest.mark.parametrize("pricing", ["static", "marginal"])
def test_a_budget_of_blocks_leaves_no_block_out_that_would_fit(pricing):
    model, data = wide_unet()
    channels = find(model, data[0][0])
    scores = torch.randint(0, 4, (channels.count,)).double()
    blocks = in_blocks(channels, scores, 8)
    prices = priced(model, data[0][0], channels, "macs").together(blocks.of)
    stays = blocks.with_any(best_of_layers(channels, scores))
    kept, allowed, used = within(prices, blocks.scores(scores), Fraction("0.4"), stays, pricing, follows=blocks.follows)
    assert prices.total(kept) == used <= allowed
    assert priced(model, data[0][0], channels, "macs").total(kept[blocks.of]) == used, "a block costs what it does"
    for block in range(len(kept)):
        if not kept[block] and (not blocks.follows[block] or kept[block - 1]):
            assert used + prices.added(kept, block) > allowed
    assert all(kept[block - 1] for block in (kept & blocks.follows).nonzero().squeeze(1).tolist()), "the best stay"


def test_a_budget_below_the_smallest_network_of_blocks_says_what_that_is():
    model, data = wide_unet()
    with pytest.raises(CellpruneError) as refusal:
        prune(model, method="random", budget={"macs": 0.01}, batches=data, granularity="channel", round_to=8)
    said = str(refusal.value)
    assert "keeps one channel of each layer, in whole blocks of channels (round_to=8), and needs " in said
    assert "give a budget above that, not 0.01, or choose single channels by --round-to 1" in said
    needed = float(said.split("needs ")[1].split()[0])
    masks = prune(model, method="random", budget={"macs": needed + 0.0001}, batches=data, granularity="channel",
                  round_to=8)  # fmt: skip
    assert spent(model, data, masks, "macs") == pytest.approx(needed * spent(model, data, {}, "macs"), rel=1e-3)


@pytest.mark.parametrize(("width", "round_to", "share"), [(16, 16, 0.29), (16, 8, 0.07), (8, "auto", 0.53)])
def test_the_smallest_u_net_is_what_the_page_says(width, round_to, share):
    model = build({"name": "unet", "width": width, "depth": 4})
    data = [(torch.randn(1, 1, 64, 64), None)]
    with pytest.raises(CellpruneError) as refusal:
        prune(model, method="random", budget={"macs": 0.01}, batches=data, granularity="channel", round_to=round_to)
    assert float(str(refusal.value).split("needs ")[1].split()[0]) == pytest.approx(share, abs=0.005)


@pytest.mark.parametrize(
    ("width", "words"), [(16, r"and needs all of the dense network: choose"), (32, r"above that, .*")]
)
def test_a_budget_that_only_single_channels_fit_says_so(width, words):
    model = nn.Sequential(nn.Conv2d(1, width, 3), nn.ReLU(), nn.Conv2d(width, 2, 1))
    data = [(torch.randn(1, 1, 8, 8), None)]
    said = words + r" single channels by --round-to 1 \(in Python round_to=1\), which need 0\.\d+$"
    with pytest.raises(CellpruneError, match=said) as refusal:
        prune(model, method="magnitude", budget={"macs": 0.2}, batches=data, granularity="channel")
    needed = float(str(refusal.value).rsplit(" ", 1)[1])
    assert needed <= 1 / width
    prune(model, method="magnitude", budget={"macs": 0.2}, batches=data, granularity="channel", round_to=1)
