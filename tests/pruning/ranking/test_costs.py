"""Budgets of single weights: counted against the masked network, and nothing that would still fit is left out."""

from fractions import Fraction

import pytest
import torch
from channel_networks import residual, unet
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_pruning import budget_mask
from torch.nn import functional as F

from cellprune.errors import CellpruneError, WorkError
from cellprune.pruning.prunable import prunable
from cellprune.pruning.prune import prune
from cellprune.pruning.ranking import costs
from cellprune.pruning.ranking.costs import affordable, select_within
from cellprune.structure.cost import cost

few_values = st.sampled_from([-1.0, 0.0, 0.5, 2.0, 3.0])  # few, so that ties abound
layers = st.lists(st.tuples(st.integers(0, 5), st.lists(few_values, min_size=1, max_size=8)), min_size=1, max_size=4)


@settings(deadline=None)
@given(
    rows=layers,
    share=st.floats(0, 1),
    tenths=st.integers(0, 5),
    taken=st.randoms(use_true_random=False),
    few=st.integers(1, 9),
)
def test_weights_within_a_budget_are_those_of_the_slow_reference(rows, share, tenths, taken, few):
    scores = {f"layer{i}": row for i, (_, row) in enumerate(rows)}
    prices = {f"layer{i}": price for i, (price, _) in enumerate(rows)}
    least = Fraction(tenths, 10)
    among = {name: [taken.random() > 0.3 for _ in row] for name, row in scores.items()} if not tenths else None
    held = sum(prices[name] * -(-len(row) * tenths // 10) for name, row in scores.items())
    total = sum(prices[name] * len(row) for name, row in scores.items())
    allowed = held + int(share * (total - held))
    tensors = None if among is None else {name: torch.tensor(row) for name, row in among.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(costs, "_FEW", few)  # so that halving is tried, too
        masks = select_within(
            {name: torch.tensor(row) for name, row in scores.items()}, prices, allowed, among=tensors, least=least
        )
    found = {name: mask.tolist() for name, mask in masks.items()}
    assert found == budget_mask(scores, prices, allowed, among, least)
    left = allowed - sum(prices[name] * sum(row) for name, row in found.items())
    removed = [prices[name] for name, row in found.items() for i, kept in enumerate(row)
               if not kept and (among is None or among[name][i])]  # fmt: skip
    assert left >= 0
    assert all(price > left for price in removed)  # no single one that was removed fits


@pytest.mark.parametrize("make", [unet, residual])
@pytest.mark.parametrize("method", ["snip", "random", "grasp", "iterative-snip", "force"])
def test_weights_meet_a_budget_of_multiply_adds(make, method):
    model, data = make()
    options = {"rounds": 3} if method in ("iterative-snip", "force") else {}
    options |= {"samples_per_class": 2} if method == "grasp" and make is residual else {}
    masks = prune(model, method=method, budget={"macs": 0.6}, batches=data * 3, loss=F.cross_entropy, floor=0.01,
                  **options)  # fmt: skip
    table = cost(model, data[0][0].shape[1:], masks)
    allowed = int(Fraction("0.6") * table.macs.dense)
    left = allowed - table.macs.masked
    rows = {row.name: row for row in table.layers}
    assert left >= 0
    assert all(rows[name].macs // mask.numel() > left for name, mask in masks.items() if not mask.all())
    assert all(int(mask.sum()) >= 0.01 * mask.numel() for mask in masks.values())


def test_what_stays_whole_is_paid_for_first():
    model, data = unet()
    weights = prunable(model, ["head"])
    prices, total, allowed = affordable(model, data[0][0], weights, Fraction(1, 2))
    table = cost(model, (1, 16, 16))
    head = next(row.macs for row in table.layers if row.name == "head.weight")
    assert total == table.macs.dense - head
    assert allowed == table.macs.dense // 2 - head
    assert "head.weight" not in prices
    with pytest.raises(CellpruneError, match=r"0.005 of the multiply-adds pay for no weight, beside 0.0\d+ for those"):
        affordable(model, data[0][0], weights, Fraction(1, 200))


def test_weights_cost_the_same_statically_and_at_the_margin():
    model, data = unet()
    chosen = [prune(model, method="magnitude", budget={"macs": 0.2}, floor=0.05, batches=data, pricing=pricing)
              for pricing in ("static", "marginal")]  # fmt: skip
    assert all(torch.equal(chosen[0][name], chosen[1][name]) for name in chosen[0])
    by_count = prune(model, method="magnitude", sparsity=0.8, floor=0.05)
    assert any(not torch.equal(chosen[0][name], by_count[name]) for name in by_count)


def test_an_inverted_budget_keeps_the_lowest_scores_per_cost():
    model, data = unet()
    both = [prune(model, method="snip", budget={"macs": 0.5}, batches=data, loss=F.cross_entropy, invert=invert)
            for invert in (False, True)]  # fmt: skip
    assert sum(int((both[0][name] & both[1][name]).sum()) for name in both[0]) < 20


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"method": "random", "budget": {"macs": 0.5}}, "give batches"),
        ({"method": "random", "sparsity": 0.9, "floor": 0.2}, r"floor=0.2 alone keeps \d+ weights of the \d+ that may"),
    ],
)
def test_budgets_and_floors_that_cannot_be_are_refused(arguments, said):
    with pytest.raises(CellpruneError, match=said):
        prune(unet()[0], **arguments)


def test_a_floor_of_multiply_adds_is_held_against_their_budget():
    model, data = unet()
    with pytest.raises(CellpruneError, match=r"floor=0.5 alone keeps \d+ multiply-adds of the \d+ that may stay"):
        prune(model, method="random", budget={"macs": 0.4}, floor=0.5, batches=data)


def test_scores_that_are_not_finite_are_no_ranking():
    with pytest.raises(WorkError, match="1 of 2 scores of 'a'"):
        select_within({"a": torch.tensor([1.0, torch.nan])}, {"a": 3}, 3)
