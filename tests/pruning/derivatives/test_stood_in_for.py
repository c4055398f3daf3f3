"""Networks for whose weights nothing can stand in: forward reads past a module, or a checkpoint plays it again."""

from functools import partial

import pytest
import torch
from left_as_it_was import left_as_it_was
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from cellprune.errors import CellpruneError
from cellprune.pruning.prune import prune


class Bypassing(nn.Module):
    """Reads a weight from where nothing can stand in for it."""

    def __init__(self, how):
        super().__init__()
        self.first, self.last = nn.Linear(4, 4), nn.Linear(4, 3)
        weight = self.last.weight
        self.apply_last = {
            "tuple": lambda x: F.linear(x, self.held[0]),
            "closure": lambda x: F.linear(x, weight),
            "partial": partial(F.linear, weight=weight),
        }[how]
        self.held = (weight,)

    def forward(self, x):
        return self.apply_last(self.first(x).relu())


@pytest.mark.parametrize("method", ["snip", "prospr", "grasp", "synflow"])
@pytest.mark.parametrize("how", ["tuple", "closure", "partial"])
def test_a_weight_that_forward_reads_past_its_module_is_refused(how, method):
    data = [(torch.randn(30, 4), torch.arange(30) % 3)]
    with pytest.raises(CellpruneError, match=r"reads 'last\.weight' past its module|keeps weights outside"):
        prune(Bypassing(how), method=method, sparsity=0.5, batches=data, loss=F.cross_entropy)


def test_what_a_call_left_behind_is_no_way_past_the_modules():
    class Remembers(nn.Linear):
        def forward(self, x):
            self.state = torch.tanh(super().forward(x) + getattr(self, "state", 0.0))
            return self.state

    model, data = Remembers(4, 3), [(torch.randn(5, 4), torch.arange(5) % 3)]
    model(data[0][0])
    assert model.state.requires_grad
    masks = prune(model, method="snip", sparsity=0.5, batches=data, loss=F.cross_entropy)
    assert int(masks["weight"].sum()) == 6


class Checkpointed(nn.Module):
    def __init__(self, use_reentrant=None):
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Linear(6, 3)
        self.use_reentrant = use_reentrant

    def middle(self, x):
        return torch.tanh(self.norm(self.first(x)))

    def forward(self, x):
        if self.use_reentrant is None:
            return self.last(self.middle(x))
        return self.last(checkpoint(self.middle, x, use_reentrant=self.use_reentrant))


def checkpointed(use_reentrant):
    torch.manual_seed(0)
    data = [(torch.randn(30, 4, requires_grad=True), torch.arange(30) % 3)]
    plain, model = Checkpointed(), Checkpointed(use_reentrant)
    model.load_state_dict(plain.state_dict())
    return plain, model, {"batches": data, "loss": F.cross_entropy, "sparsity": 0.5}


@pytest.mark.parametrize("method", ["snip", "force"])
def test_activation_checkpointing_plays_the_weights_that_are_scored(method):
    plain, model, asked = checkpointed(use_reentrant=False)
    with left_as_it_was(model):
        masks = prune(model, method=method, **asked)
    right = prune(plain, method=method, **asked)
    assert all(torch.equal(mask, right[name]) for name, mask in masks.items())


@pytest.mark.parametrize(("method", "use_reentrant"),
                         [("prospr", False), ("grasp", False), ("synflow", False), ("snip", True)])  # fmt: skip
def test_activation_checkpointing_is_refused_where_it_would_play_other_weights(method, use_reentrant):
    _, model, asked = checkpointed(use_reentrant)
    with left_as_it_was(model), pytest.raises(CellpruneError, match=r"^activation checkpointing plays .* switch it"):
        prune(model, method=method, **asked)
