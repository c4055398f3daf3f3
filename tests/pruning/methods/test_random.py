"""Random: a draw for every weight, from the seed and the order of the parameters alone."""

import torch
from torch import nn

from cellprune.pruning.methods import random as method
from cellprune.pruning.prune import prune


def draws(model: nn.Module, seed: int = 0):
    return method.sensitivity(model, {}, [], None, seed=seed)


def test_draws_are_uniform_fine_and_no_two_are_equal() -> None:
    drawn = draws(nn.Linear(300, 300))["weight"]
    assert drawn.dtype == torch.float64
    assert 0 <= drawn.min() < 0.001
    assert 0.999 < drawn.max() < 1
    assert drawn.unique().numel() == drawn.numel()


def test_neither_values_nor_torchs_own_seed_count() -> None:
    torch.manual_seed(1)
    first = draws(nn.Linear(3, 2))
    torch.manual_seed(2)
    other = nn.Linear(3, 2)
    state = torch.get_rng_state()
    second = draws(other)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert torch.equal(torch.get_rng_state(), state), "nothing is taken from anybody's generator"
    assert not torch.equal(draws(nn.Linear(3, 2), seed=1)["weight"], first["weight"])


def test_masks_of_one_seed_nest() -> None:
    model = nn.Linear(20, 20)
    dense, sparse = (prune(model, method="random", sparsity=r, seed=4)["weight"] for r in (0.3, 0.8))
    assert int(dense.sum()) == 280
    assert (dense | ~sparse).all()


def test_inverted_it_keeps_what_it_would_remove_first() -> None:
    model = nn.Linear(10, 10)
    plain, inverted = (prune(model, method="random", sparsity=0.5, invert=i)["weight"] for i in (False, True))
    assert torch.equal(plain, ~inverted)
