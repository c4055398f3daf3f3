"""A network is called on what it does not take: one line with the shapes, from every function that calls it."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from cellprune import compact, prune, shrink
from cellprune.errors import CellpruneError
from cellprune.structure.calling import called_on

WRONG = torch.zeros(2, 3, 8, 8)  # of three channels
TARGET = torch.zeros(2, 8, 8).long()


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 2, 1))


@pytest.mark.parametrize(
    "work",
    [
        lambda model: prune(model, method="snip", sparsity=0.5, batches=[(WRONG, TARGET)], loss=cross_entropy),
        lambda model: prune(model, method="magnitude", sparsity=0.5, batches=[(WRONG, None)], granularity="channel"),
        lambda model: prune(model, method="magnitude", budget={"macs": 0.5}, batches=[(WRONG, None)]),
        lambda model: prune(model, method="synflow", sparsity=0.5, batches=[(WRONG, None)]),
        lambda model: shrink(model, {}, WRONG),
        lambda model: compact(model, WRONG),
    ],
)
def test_inputs_that_a_network_does_not_take_are_refused_in_one_line(work) -> None:
    with pytest.raises(CellpruneError) as caught:
        work(network())
    assert str(caught.value).startswith("Sequential fails on a batch of (")
    assert "3, 8, 8)" in str(caught.value)
    assert str(caught.value).endswith(": give inputs that the network takes")
    assert "expected input" in str(caught.value), "torch's reason"


@pytest.mark.parametrize("words", ["out of memory", "ours"])
def test_what_is_short_and_what_is_ours_stays_what_it_is(words: str) -> None:
    def short(inputs: object) -> None:
        raise RuntimeError("out of memory")

    model = network()
    if words == "out of memory":
        model.forward = short
    with pytest.raises(RuntimeError, match=words), called_on(model, [WRONG[:, :1]]):
        raise RuntimeError("ours")
