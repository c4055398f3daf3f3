"""The network whose meta-gradients are tested, its scores, and how near two scorings are."""

import torch
from reference_pruning import EveryKind
from torch import nn
from torch.nn import functional as F

from cellprune.pruning.derivatives.conditions import untouched
from cellprune.pruning.methods import prospr


def network(norm: str = "batch", dropout: float = 0.0, seed: int = 1) -> nn.Module:
    torch.manual_seed(seed)
    return EveryKind(norm, dropout).double()


def score(model, data, **options):
    with untouched(model):
        return prospr.sensitivity(model, {}, data, F.cross_entropy, seed=0, **({"segment": 1} | options))


def assert_same(ours, theirs, tolerance=1e-10):
    assert list(ours) == list(theirs)
    largest = max(t.abs().max().item() for t in theirs.values())
    for name in theirs:
        assert (ours[name] - theirs[name]).abs().max().item() <= tolerance * largest, name
