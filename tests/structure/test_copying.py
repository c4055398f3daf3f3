"""Copies of networks: what is shared stays shared, and a lock or a kept activation is in nobody's way."""

from threading import Lock

import pytest
import torch
from left_as_it_was import left_as_it_was
from torch import nn

from cellprune.errors import CellpruneError
from cellprune.structure.copying import copied_with


class Odd(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.again = [self.layer, self.layer.weight]
        self.register_buffer("buffer", torch.zeros(2))
        self.lock, self.call = Lock(), self.layer.forward
        self.kept = {"latest": self.layer(torch.ones(1, 2))}
        self.draws = torch.Generator().manual_seed(0)


def test_a_copy_holds_together_and_shares_nothing_that_can_be_copied():
    model, weight = Odd(), torch.randn(3, 2)
    with left_as_it_was(model):
        copied = copied_with(model, {"layer.weight": weight})
    assert torch.equal(copied.layer.weight, weight)
    assert isinstance(copied.layer.weight, nn.Parameter)
    assert copied.again[0] is copied.layer is not model.layer
    assert copied.again[1] is copied.layer.weight
    assert copied.call.__self__ is copied.layer
    assert copied.buffer is not model.buffer
    assert copied.lock is model.lock
    assert torch.equal(copied.kept["latest"], model.kept["latest"])
    assert copied.kept["latest"] is not model.kept["latest"]
    torch.rand(1, generator=copied.draws)
    assert torch.equal(model.draws.get_state(), torch.Generator().manual_seed(0).get_state())


def test_what_cannot_be_copied_at_all_is_refused():
    class Once(nn.Linear):
        def __deepcopy__(self, memo):
            raise RuntimeError("there is only one of me")

    with pytest.raises(CellpruneError, match=r"Once cannot be copied \(there is only one of me\)"):
        copied_with(Once(2, 2), {})
