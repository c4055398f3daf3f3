"""scores(): the numbers by which prune() chooses, and the signed derivatives behind them."""

import inspect
from fractions import Fraction

import pytest
import torch
from left_as_it_was import left_as_it_was
from reference_pruning import EveryKind, batches, unrolled_sensitivity
from torch import nn
from torch.nn import functional as F

from cellprune.errors import CellpruneError
from cellprune.pruning.prune import prune
from cellprune.pruning.ranking.budget import largest
from cellprune.pruning.ranking.whole_channels import choose
from cellprune.pruning.scores import scores
from cellprune.structure.trace import find

DATA = batches(4)
GIVEN = {"batches": DATA, "loss": F.cross_entropy}


@pytest.fixture
def model():
    torch.manual_seed(0)
    return EveryKind().double()


def test_it_takes_what_prune_takes_and_one_word_more():
    theirs, ours = (dict(inspect.signature(each).parameters) for each in (prune, scores))
    assert ours.pop("signed").default is False
    assert {name: p.default for name, p in ours.items()} == {name: p.default for name, p in theirs.items()}


@pytest.mark.parametrize(
    "asked",
    [{"method": "prospr"}, {"method": "snip", "invert": True, "exclude": "head"}, {"method": "force", "rounds": 3},
     {"method": "iterative-snip", "rounds": 3}],
)  # fmt: skip
def test_the_largest_are_those_that_prune_keeps(model, asked):
    with left_as_it_was(model):
        ranked = scores(model, sparsity=0.6, **GIVEN, **asked)
    masks = prune(model, sparsity=0.6, **GIVEN, **asked)
    kept = largest(ranked, sum(int(mask.sum()) for mask in masks.values()))
    assert list(kept) == list(masks)
    assert all(torch.equal(kept[name], masks[name]) for name in masks)
    removed = sum(int(score.isneginf().sum()) for score in ranked.values())
    assert bool(removed) == (asked["method"] == "iterative-snip"), "no other takes weights out before its last round"


def test_signed_ones_are_the_exact_meta_gradients_of_every_parameter(model):
    theirs = unrolled_sensitivity(model, DATA, lr=0.1)
    ours = scores(model, signed=True, **GIVEN)
    most = max(t.abs().max() for t in theirs.values())
    assert all((ours[name] - t).abs().max() < 1e-10 * most for name, t in theirs.items())
    plain = scores(model, **GIVEN)
    assert all(torch.equal(plain[name], ours[name].abs()) for name in plain)
    assert {"norm.weight", "head.bias"} <= ours.keys() - plain.keys()


def test_channels_have_one_number_each():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 5, 3), nn.Conv2d(5, 2, 1))
    data = [(torch.randn(4, 1, 8, 8), torch.randint(2, (4, 4, 4)))]
    given = {"method": "snip", "batches": data, "loss": F.cross_entropy, "granularity": "channel"}
    ranked = scores(model, **given)
    channels = find(model, data[0][0])
    assert {name: len(score) for name, score in ranked.items()} == {"0.weight": 6, "3.weight": 5}
    kept = channels.kept(prune(model, sparsity=0.5, **given))
    assert torch.equal(kept, choose(channels, torch.cat([*ranked.values()]), Fraction(1, 2), "global"))


def test_what_prune_refuses_it_refuses(model):
    with pytest.raises(CellpruneError, match="Did you mean 'snip'"):
        scores(model, method="snipp", **GIVEN)
