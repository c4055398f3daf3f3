"""Counts and selection: exact, whatever the ties."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_pruning import exact_mask

from cellprune.config.shares import left_by
from cellprune.errors import CellpruneError, WorkError
from cellprune.pruning.ranking.budget import keep_count, layer_quotas, select

few_values = st.sampled_from([-1.0, -0.0, 0.0, 0.5, 0.5000001, 2.0])  # few, so that ties abound
layers = st.lists(st.lists(few_values, min_size=1, max_size=12), min_size=1, max_size=5)


@settings(deadline=None)
@given(rows=layers, share=st.floats(0, 1))
def test_selection_is_exact_and_ties_go_by_layer_and_index(rows, share):
    scores = {f"layer{i}": row for i, row in enumerate(rows)}
    n = sum(map(len, rows))
    keep = max(1, round(share * n))
    masks = select({name: torch.tensor(row) for name, row in scores.items()}, keep)
    assert {name: mask.tolist() for name, mask in masks.items()} == exact_mask(scores, keep)


@settings(deadline=None)
@given(rows=layers, share=st.floats(0, 1))
def test_layer_scope_gives_each_layer_its_share_and_the_exact_sum(rows, share):
    n = sum(map(len, rows))
    keep = max(1, round(share * n))
    masks = select({f"layer{i}": torch.tensor(row) for i, row in enumerate(rows)}, keep, "layer")
    kept = [int(mask.sum()) for mask in masks.values()]
    assert sum(kept) == keep
    for count, row in zip(kept, rows, strict=True):
        assert abs(count - keep * len(row) / n) < 1
    assert all(
        mask.tolist() == exact_mask({"x": row}, count)["x"]
        for mask, row, count in zip(masks.values(), rows, kept, strict=True)
    )


@given(n=st.integers(1, 10**9), hundredths=st.integers(0, 99))
def test_the_count_is_rounded_half_up_from_the_decimal(n, hundredths):
    keep = keep_count(n, left_by(hundredths / 100))
    assert keep == min(max((2 * (100 - hundredths) * n + 100) // 200, 1), n)


@given(first=st.floats(0, 0.999), second=st.floats(0, 0.999))
def test_masks_nest_as_sparsity_rises(first, second):
    scores = {"a": torch.tensor([3.0, 1.0, 1.0, 2.0]), "b": torch.tensor([1.0, 5.0])}
    low, high = (select(scores, keep_count(6, left_by(r))) for r in sorted([first, second]))
    assert all((low[name] | ~high[name]).all() for name in scores)


def test_equal_remainders_go_to_the_earlier_layer():
    assert layer_quotas({"a": 1, "b": 1, "c": 2}, 2) == {"a": 1, "b": 0, "c": 1}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_scores_that_are_not_finite_name_their_layer(value):
    with pytest.raises(WorkError, match="1 of 2 scores of 'second'"):
        select({"first": torch.ones(3), "second": torch.tensor([value, 1.0])}, 2)


def test_an_unknown_scope_is_refused():
    with pytest.raises(CellpruneError, match="Did you mean 'global'"):
        select({"a": torch.ones(3)}, 2, "globl")
