"""Where a masked network is cut off from its input, and that the answer does not depend on what its output is."""

import logging
from collections import OrderedDict
from dataclasses import dataclass

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cellprune.pruning.connectivity import CutOffError, check_connected

INPUTS = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))


@dataclass
class Logits:
    logits: torch.Tensor


class Opaque:
    __slots__ = ("__logits",)

    def __init__(self, logits):
        self.__logits = logits


class Block(nn.Module):
    """A layer whose output a function makes zero where its bias is far below it."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)
        nn.init.constant_(self.layer.bias, -100.0)

    def forward(self, x):
        return F.relu(self.layer(x))


class Giving(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.first, self.last, self.kind = nn.Linear(3, 4), nn.Linear(4, 2), kind

    def forward(self, x):
        return self.kind(self.last(self.first(x)))


def cut(model, *, without, **options):
    masks = {name: torch.ones_like(model.get_parameter(name), dtype=torch.bool) for name in without}
    masks = {name: ~mask for name, mask in masks.items()}
    with pytest.raises(CutOffError) as error:
        check_connected(model, masks, (INPUTS, torch.zeros(6)), 0, **options)
    return str(error.value).partition(" it is cut at ")[2].partition(": remove less")[0]


class Detour(nn.Module):
    def __init__(self, around, dead):
        super().__init__()
        self.start, self.dead, self.around, self.end = nn.Linear(3, 4), dead, around, nn.Linear(4, 2)

    def forward(self, x):
        x = self.start(x)
        return self.end(self.dead(x) + self.around(x))


def test_a_layer_without_weights_is_named_by_its_weight():
    assert cut(Giving(lambda y: y), without=["last.weight"]) == "'last.weight'"


def test_a_dead_activation_is_named_and_not_every_layer():
    layer = nn.Linear(4, 4)
    nn.init.constant_(layer.bias, -100.0)
    torch.manual_seed(0)
    model = Detour(nn.Linear(4, 4), nn.Sequential(layer, nn.ReLU(inplace=True)))
    assert cut(model, without=["around.weight"]) == "'dead.1' (ReLU), 'around.weight'"


def test_a_dead_function_is_named_by_its_module_and_by_what_stands_before_it():
    torch.manual_seed(0)
    model = Detour(nn.Linear(4, 4), Block())
    assert cut(model, without=["around.weight"]) == "'dead' (Block), behind 'dead.layer.weight', 'around.weight'"


@pytest.mark.parametrize("kind", [Logits, lambda y: OrderedDict(logits=y), lambda y: [y, None]])
def test_every_kind_of_output_is_checked(kind):
    torch.manual_seed(0)
    assert cut(Giving(kind), without=["first.weight"]) == "'first.weight'"


def test_an_output_that_hides_its_tensors_is_said(caplog):
    with caplog.at_level(logging.WARNING, "cellprune"):
        check_connected(Giving(Opaque), {}, (INPUTS, torch.zeros(6)), 0)
    assert "the network gives Opaque, in which no tensor is found" in caplog.text


def test_a_head_that_starts_at_zero_may_not_lose_all_of_it():
    torch.manual_seed(0)
    model, batch = Giving(lambda y: y), (INPUTS, torch.zeros(6))
    nn.init.zeros_(model.last.weight)
    nothing, all_of_it = torch.zeros(2, 4).bool(), torch.ones(2, 4).bool()
    assert cut(model, without=["last.weight"], zeros_may_learn=True) == "'last.weight'"
    assert cut(model, without=["first.weight"], zeros_may_learn=True) == "'first.weight'"
    check_connected(model, {"last.weight": all_of_it}, batch, 0, zeros_may_learn=True)
    check_connected(Giving(torch.zeros_like), {"last.weight": nothing}, batch, 0, zeros_may_learn=True)
    check_connected(model, {"last.weight": nothing}, batch, 0)
