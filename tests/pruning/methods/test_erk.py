"""ERK against bisection, the published vector, and its exact counts."""

from math import prod

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_pruning import EveryKind, erk_densities

from cellprune.errors import CellpruneError
from cellprune.models import resnet
from cellprune.pruning.methods.erk import quotas
from cellprune.pruning.prunable import prunable
from cellprune.pruning.prune import prune

shapes = st.lists(
    st.lists(st.integers(1, 9), min_size=2, max_size=4).map(tuple), min_size=1, max_size=6
).map(lambda rows: {f"layer{i}": row for i, row in enumerate(rows)})  # fmt: skip


@settings(deadline=None)
@given(shapes=shapes, share=st.floats(0, 1))
def test_counts_are_exact_and_densities_those_of_one_scale(shapes, share):
    n = sum(map(prod, shapes.values()))
    keep = max(1, round(share * n))
    ours, theirs = quotas(shapes, keep), erk_densities(shapes, keep)
    assert sum(ours.values()) == keep
    for name, shape in shapes.items():
        assert abs(ours[name] - theirs[name] * prod(shape)) < 1 + 1e-6
        assert 0 <= ours[name] <= prod(shape)


def test_the_resnet20_has_the_known_densities():
    weights = prunable(resnet.build())
    shapes = {name: w.shape for name, w in weights.items()}
    kept = quotas(shapes, 26834)  # a tenth of 268,336
    expected = {(16, 3): 1, (16, 16): 0.3026, (32, 16): 0.2150, (32, 32): 0.1394, (64, 32): 0.1015, (64, 64): 0.0667,
                (10, 64): 1}  # fmt: skip
    assert sum(kept.values()) == 26834
    for name, shape in shapes.items():
        assert kept[name] / prod(shape) == pytest.approx(expected[tuple(shape[:2])], abs=0.5e-4 + 1 / prod(shape))


def test_positions_are_drawn_from_the_seed_and_layers_keep_their_quota():
    model = EveryKind()
    first, again, other = (prune(model, method="erk", sparsity=0.7, seed=seed) for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)
    shapes = {name: mask.shape for name, mask in first.items()}
    assert {name: int(mask.sum()) for name, mask in first.items()} == quotas(
        shapes, sum(int(m.sum()) for m in first.values())
    )


def test_a_scope_beside_its_own_shares_is_refused():
    with pytest.raises(CellpruneError, match="'erk' gives each layer a share of its own"):
        prune(EveryKind(), method="erk", sparsity=0.5, scope="layer")
