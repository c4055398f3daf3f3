"""Shares that layers have of their own, and masks to start from, in one round and in several."""

import pytest
import torch
from reference_pruning import EveryKind, batches
from torch.nn import functional as F

from cellprune.errors import CellpruneError
from cellprune.pruning.prune import prune
from cellprune.pruning.ranking.budget import largest
from cellprune.pruning.scores import scores

DATA = batches(4, dtype=torch.float32)
GIVEN = {"batches": DATA, "loss": F.cross_entropy}
ROUNDS = {"snip": {}, "iterative-snip": {"rounds": 3}, "force": {"rounds": 3}, "synflow": {"rounds": 3}}


@pytest.fixture
def model():
    torch.manual_seed(0)
    return EveryKind()


def counted(masks):
    return {name: int(mask.sum()) for name, mask in masks.items()}


@pytest.mark.parametrize("method", ROUNDS)
def test_each_layer_keeps_the_share_that_it_was_given(model, method):
    densities = {"stem.weight": 0.5, "up.weight": 0.26, "head.weight": 1}
    ours = prune(model, method=method, densities=densities, **GIVEN, **ROUNDS[method])
    whole = {name: mask.numel() for name, mask in ours.items()}
    assert counted(ours) == whole | {"stem.weight": 36, "up.weight": 17}  # of 72 and 64
    if method == "snip":
        ranked = scores(model, method="snip", **GIVEN)
        assert torch.equal(ours["stem.weight"], largest({"": ranked["stem.weight"]}, 36)[""])


def test_the_shares_of_other_masks_can_be_kept(model):
    first = prune(model, method="erk", sparsity=0.7)
    ours = prune(model, method="snip", densities={n: m.float().mean().item() for n, m in first.items()}, **GIVEN)
    assert counted(ours) == counted(first)
    assert any(not torch.equal(ours[name], first[name]) for name in first)


@pytest.mark.parametrize("method", ROUNDS)
def test_what_masks_to_start_from_removed_stays_removed(model, method):
    first = prune(model, method="random", sparsity=0.3)
    ours = prune(model, method=method, sparsity=0.6, start=first, **GIVEN, **ROUNDS[method])
    assert sum(counted(ours).values()) == int(0.4 * sum(mask.numel() for mask in first.values()) + 0.5)
    assert all((first[name] | ~ours[name]).all() for name in first)
    if method == "snip":  # scored in the masked network
        with torch.no_grad():
            for name, mask in first.items():
                model.get_parameter(name).mul_(mask)
        again = prune(model, method=method, sparsity=0.6, **GIVEN)
        assert all(torch.equal(ours[name], again[name]) for name in ours)


def test_channels_that_are_gone_stay_so():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Conv2d(1, 12, 3), torch.nn.ReLU(), torch.nn.Conv2d(12, 2, 1))
    given = {"batches": [(torch.randn(4, 1, 8, 8), torch.randint(2, (4, 6, 6)))], "loss": F.cross_entropy}
    first = prune(model, method="random", granularity="channel", sparsity=0.5, **given)
    ours = prune(model, method="snip", granularity="channel", sparsity=0.75, start=first, **given)
    assert int(ours["0.bias"].sum()) == 3
    assert (first["0.bias"] | ~ours["0.bias"]).all()
    priced = {"granularity": "channel", "budget": {"params": 0.3}, "start": first, **given}
    ours = prune(model, method="snip", round_to=1, **priced)
    assert (first["0.bias"] | ~ours["0.bias"]).all()
    with pytest.raises(CellpruneError, match="choose single channels by round_to=1"):
        prune(model, method="snip", **priced | {"budget": {"params": 0.8}})
    weights = {"0.weight": torch.rand(12, 1, 3, 3) < 0.5}
    with pytest.raises(CellpruneError, match="start holds masks of single weights"):
        prune(model, method="snip", granularity="channel", sparsity=0.75, start=weights, **given)


def test_a_network_that_a_method_cannot_take_is_refused_from_masks_on_too():
    class Gated(torch.nn.Linear):
        def forward(self, x):
            return super().forward(x) * x.sum(1, keepdim=True)

    start = {"weight": torch.eye(4).bool()}
    with pytest.raises(CellpruneError, match="synflow needs a network that is linear"):
        prune(Gated(4, 4), method="synflow", sparsity=0.9, start=start, batches=[(torch.ones(2, 4), None)])


def test_what_cannot_be_is_refused(model):
    first = prune(model, method="random", sparsity=0.5)
    for asked, words in (
        ({"sparsity": 0.3, "start": first}, r"start leaves \d+ weights, fewer than the \d+ that should stay"),
        ({"densities": {"stem.weight": 0.9}, "start": first}, "start leaves .* weights of 'stem.weight', fewer"),
        ({"densities": {"stem": 0.9}}, "no prunable parameter 'stem' .in densities.*\nDid you mean 'stem.weight'"),
        ({"sparsity": 0.5, "start": {"stem.weight": torch.ones(3).bool()}}, "the mask of 'stem.weight' is torch.b"),
        ({"sparsity": 0.5, "start": first, "pattern": "2:4"}, "a pattern is laid over all weights, and start"),
    ):  # fmt: skip
        with pytest.raises(CellpruneError, match=words):
            prune(model, method="snip", **GIVEN | asked)
