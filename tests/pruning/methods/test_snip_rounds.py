"""Iterative SNIP and FORCE against plain lists; their identities; what returns and what may not."""

import itertools
import logging

import pytest
import torch
from reference_pruning import EveryKind, batches, pruned_in_rounds
from torch import nn
from torch.nn import functional as F

from cellprune.errors import CellpruneError, WorkError
from cellprune.pruning import by_weight
from cellprune.pruning.derivatives.conditions import untouched
from cellprune.pruning.methods import snip
from cellprune.pruning.prunable import prunable
from cellprune.pruning.prune import prune
from cellprune.pruning.ranking.revival import anything

NAMES = {False: "iterative-snip", True: "force"}


def network(seed=1, norm="batch"):
    torch.manual_seed(seed)
    return EveryKind(norm).double()


def chosen(model, method, data, sparsity=0.8, **options):
    return prune(model, method=method, sparsity=sparsity, batches=data, loss=F.cross_entropy, **options)


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("norm", ["batch", "group"])
@pytest.mark.parametrize("revival", [False, True])
def test_rounds_equal_the_plain_lists(revival, norm):
    model, data = network(norm=norm), batches(5)
    n = sum(p.numel() for p in prunable(model).values())
    counts = [int(0.2 ** (t / 5) * n + 0.5) for t in range(1, 6)]
    theirs = pruned_in_rounds(model, data, list(prunable(model)), counts, revival=revival)
    ours = chosen(model, NAMES[revival], data, rounds=5)
    assert {name: mask.flatten().tolist() for name, mask in ours.items()} == theirs


@pytest.mark.parametrize("method", NAMES.values())
def test_one_round_is_snip(method):
    model, data = network(), batches(1)
    assert same(chosen(model, method, data, rounds=1), chosen(model, "snip", data))


def masks_of_rounds(monkeypatch, *arguments, **options):
    seen = []

    def watched(*args, **kwargs):
        seen.append(select(*args, **kwargs))
        return seen[-1]

    select = by_weight.select
    monkeypatch.setattr(by_weight, "select", watched)
    chosen(*arguments, **options)
    return seen


@pytest.mark.parametrize("scope", ["global", "layer"])
def test_iterative_snip_only_removes(monkeypatch, scope):
    for before, after in itertools.pairwise(
        masks_of_rounds(monkeypatch, network(), "iterative-snip", batches(12), rounds=12, scope=scope)
    ):
        assert all((before[name] | ~after[name]).all() for name in before)


def test_force_brings_weights_back_and_says_so(monkeypatch, caplog):
    with caplog.at_level(logging.INFO, "cellprune"):
        rounds = masks_of_rounds(monkeypatch, network(), "force", batches(6), rounds=6)
    returned = [
        sum(int((after[name] & ~before[name]).sum()) for name in after) for before, after in itertools.pairwise(rounds)
    ]
    assert sum(returned) > 0
    assert [int(line.split(": ")[1].split()[0]) for line in caplog.messages if "came back" in line] == [0, *returned]


def test_force_returns_a_weight_whose_gradient_at_the_sparse_point_is_large():
    model = nn.Linear(3, 1, bias=False).double()
    inputs = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]], dtype=torch.float64)
    data = [
        (x[None], torch.full((1, 1), 5.0)) for x in inputs
    ]  # round 1 does not see the second weight, round 2 no other
    given = {"sparsity": 2 / 3, "batches": data, "loss": F.mse_loss, "rounds": 2}
    assert prune(model, method="iterative-snip", **given)["weight"].tolist() == [[True, False, False]]
    assert prune(model, method="force", **given)["weight"].tolist() == [[False, True, False]]


def test_dead_channels_can_be_kept_dead():
    model = network()
    masks = {name: torch.rand(p.shape) < 0.5 for name, p in prunable(model).items()}
    masks["stem.weight"][2] = False
    masks["up.weight"][:, 1] = False
    may = anything(model, masks, revive_dead=False)
    assert not may["stem.weight"][2].any()
    assert not may["up.weight"][:, 1].any()
    assert may["stem.weight"][[0, 1, 3]].all()
    assert all(mask.all() for mask in anything(model, masks).values())
    data = batches(8)
    assert not same(
        chosen(model, "force", data, 0.9, rounds=8), chosen(model, "force", data, 0.9, rounds=8, revive_dead=False)
    )


def test_batches_are_read_as_the_rounds_go():
    read = []

    def source():
        for number, batch in enumerate(batches(9, dtype=torch.float32)):
            read.append(number)
            yield batch

    chosen(network().float(), "iterative-snip", source(), rounds=3)
    assert read == [0, 1, 2]


def test_the_linear_schedule_removes_the_same_number_each_round(monkeypatch):
    rounds = masks_of_rounds(monkeypatch, network(), "force", batches(4), rounds=4, schedule="linear", sparsity=0.8)
    n = sum(mask.numel() for mask in rounds[0].values())
    kept = [sum(int(mask.sum()) for mask in masks.values()) for masks in rounds]
    assert kept == [int((1 - 0.2 * t) * n + 0.5 + 1e-9) for t in range(1, 5)]


def test_scores_at_removed_places_use_the_initial_value():
    model, data = network(), batches(1)
    masks = {"stem.weight": torch.rand(4, 2, 3, 3) < 0.5}
    with untouched(model):
        scores = snip.sensitivity(model, masks, data, F.cross_entropy, seed=0)["stem.weight"]
    assert scores[~masks["stem.weight"]].abs().min() > 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rounds": 0}, "rounds is 0"),
        ({"rounds": 2.5}, "rounds is 2.5"),
        ({"schedule": "cubic"}, "no schedule 'cubic'"),
        ({"round": 3}, "Did you mean 'rounds'"),
    ],
)
def test_bad_options_are_refused(options, words):
    with pytest.raises(CellpruneError, match=words):
        chosen(network(), "force", batches(1), **options)


def test_a_source_that_ends_early_and_a_loss_that_fails_name_the_round():
    with pytest.raises(CellpruneError, match=r"needs 5 batches .* ended after 3"):
        chosen(network(), "iterative-snip", batches(3), rounds=5)
    data = batches(4)
    data[2][0][0] = float("nan")
    with pytest.raises(WorkError, match=r"the loss is nan .* \(round 3 of 4, which reads the source's batch 3\)"):
        chosen(network(), "force", data, rounds=4)
