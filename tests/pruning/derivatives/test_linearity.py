"""What is not linear in its input is seen, and the innermost module of it is named."""

import pytest
import torch
from torch import Tensor, nn

from cellprune.pruning.derivatives.linear import Linear
from cellprune.pruning.derivatives.linearity import bending

INPUTS = torch.zeros(1, 3, dtype=torch.float64)


class Square(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * x


class Gate(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * x.detach()


class Shift(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + 5


class Counter(nn.Module):
    """Remembers how often it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("asked", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.asked += 1
        return x * 2


def of(*layers: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(*layers).double()


@pytest.mark.parametrize(
    "layers",
    [
        [nn.Linear(3, 3, bias=False)],
        [nn.Linear(3, 4), nn.Linear(4, 2)],  # with a constant beside it
        [Shift(), nn.Linear(3, 2)],
        [nn.Linear(3, 4, bias=False), nn.Unflatten(1, (2, 2)), nn.AdaptiveMaxPool1d(1)],
    ],
)
def test_lines_with_or_without_a_constant_are_no_bends(layers: list[nn.Module]) -> None:
    assert bending(of(*layers), INPUTS) is None


@pytest.mark.parametrize(
    ("layers", "named"),
    [
        ([nn.Linear(3, 3), Square()], "'1' (Square)"),
        ([nn.Linear(3, 3), nn.Sequential(nn.Linear(3, 3), Gate())], "'1.1' (Gate)"),
        ([nn.Linear(3, 3), nn.Sigmoid(), Square()], "'2' (Square)"),
    ],
)
def test_the_innermost_module_that_bends_is_named(layers: list[nn.Module], named: str) -> None:
    assert bending(of(*layers), INPUTS) == named


def test_a_module_that_is_the_whole_network_has_no_name_but_its_kind() -> None:
    assert bending(Square().double(), INPUTS) == "Square"


def test_what_runs_linearly_under_the_mode_is_no_bend() -> None:
    model = of(nn.Linear(3, 3), nn.Sigmoid())
    assert bending(model, INPUTS) == "'1' (Sigmoid)"
    with Linear():
        assert bending(model, INPUTS) is None


def test_whole_numbers_tell_nothing_and_pass() -> None:
    assert bending(of(nn.Embedding(5, 3)), torch.tensor([[1, 2]])) is None


def test_the_network_is_left_as_it_was() -> None:
    model = of(Counter(), nn.BatchNorm1d(3).eval(), Square())
    before = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(3)
    state = torch.get_rng_state()
    assert bending(model, INPUTS) == "'2' (Square)"
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(module._forward_pre_hooks for module in model.modules())
