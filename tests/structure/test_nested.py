"""Tensors are found and changed inside every kind of container that networks take and give."""

from collections import OrderedDict, UserDict, defaultdict, namedtuple
from dataclasses import dataclass
from types import MappingProxyType, SimpleNamespace

import pytest
import torch
from torch import nn

from cellprune.structure.nested import map_tensors, tensors_of

Pair = namedtuple("Pair", "a b")


@dataclass(frozen=True)
class Frozen:
    logits: torch.Tensor
    note: str = "kept"


@dataclass(slots=True)
class Slotted:
    logits: torch.Tensor


class Slots:
    __slots__ = ("logits", "unset")

    def __init__(self, logits):
        self.logits = logits


@dataclass
class ModelOutput(OrderedDict):  # as transformers has it: every field that is not None is an item, too
    logits: torch.Tensor
    hidden: tuple | None = None

    def __post_init__(self):
        super().__setitem__("logits", self.logits)
        if self.hidden is not None:
            super().__setitem__("hidden", self.hidden)

    def __setitem__(self, key, value):
        raise TypeError("by attribute alone")


class Given(UserDict):
    pass


LOGITS = torch.ones(2)
CONTAINERS = {
    "tuple": (LOGITS, 3),
    "list": [LOGITS, None],
    "dict": {"logits": LOGITS},
    "named tuple": Pair(LOGITS, "b"),
    "ordered": OrderedDict(logits=LOGITS),
    "default": defaultdict(list, logits=LOGITS),
    "user's": Given(logits=LOGITS),
    "frozen dataclass": Frozen(LOGITS),
    "dataclass with slots": Slotted(LOGITS),
    "slots": Slots(LOGITS),
    "namespace": SimpleNamespace(logits=LOGITS, deep=SimpleNamespace(n=3)),
    "model output": ModelOutput(LOGITS),
}


@pytest.mark.parametrize("kind", CONTAINERS)
def test_every_container_keeps_its_kind(kind):
    value = CONTAINERS[kind]
    doubled = map_tensors(lambda t: 2 * t, value)
    assert type(doubled) is type(value)
    assert [t.tolist() for t in tensors_of(doubled)] == [[2.0, 2.0]]
    assert tensors_of(value) == [LOGITS], "the old one is as it was"
    assert LOGITS.tolist() == [1.0, 1.0]


def test_items_and_attributes_of_a_model_output_stay_one():
    hidden = (torch.zeros(1), torch.ones(1))
    doubled = map_tensors(lambda t: 2 * t, ModelOutput(LOGITS, hidden))
    assert doubled.logits is doubled["logits"]
    assert doubled.hidden is doubled["hidden"]
    assert [t.tolist() for t in tensors_of(doubled)] == [[2.0, 2.0], [0.0], [2.0]]


def test_what_holds_no_tensor_is_the_same_object():
    module, note = nn.Linear(2, 2), SimpleNamespace(text="a")
    given = (module, note, print)
    assert all(new is old for new, old in zip(map_tensors(torch.clone, given), given, strict=True))


def test_objects_that_point_at_each_other_come_to_an_end():
    one = SimpleNamespace(logits=LOGITS)
    one.other = SimpleNamespace(back=one)
    assert tensors_of(one) == [LOGITS]


def test_a_mapping_that_cannot_be_filled_becomes_a_plain_one():
    assert type(map_tensors(torch.clone, MappingProxyType({"logits": LOGITS}))) is dict
