"""From the sensitivity of weights to the score of what is ranked: worked by hand, larger is kept."""

import pytest
import torch
from torch import Tensor, nn

from cellprune.errors import CellpruneError
from cellprune.pruning.ranking.units import absolute, drawn, gated, given, magnitude, mean_magnitude, root_mean_square
from cellprune.structure.channels import Channels
from cellprune.structure.trace import find

WEIGHT, SENSITIVITY = torch.tensor([[-3.0, 0.0], [1.0, 2.0]]), torch.tensor([[-0.5, 0.25], [0.0, -2.0]])


def network(norm: bool = True) -> nn.Module:
    torch.manual_seed(0)
    norms = [nn.BatchNorm2d(2)] if norm else []
    return nn.Sequential(nn.Conv2d(1, 2, 1), *norms, nn.ReLU(), nn.Conv2d(2, 2, 1))


def channels_of(model: nn.Module) -> Channels:
    return find(model, torch.randn(1, 1, 4, 4))


def values(model: nn.Module, **own: list) -> dict[str, Tensor]:
    """A value for every parameter: zeros but where they are given, `c0_weight` for the parameter "0.weight"."""
    made = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    for name, numbers in own.items():
        key = name.removeprefix("c").replace("_", ".")
        made[key] = torch.tensor(numbers, dtype=torch.float32).view_as(made[key])
    return made


def test_weights_are_ranked_by_effect_by_size_or_as_given() -> None:
    assert torch.equal(absolute(WEIGHT, SENSITIVITY), SENSITIVITY.abs())
    assert torch.equal(magnitude(nn.Parameter(WEIGHT), SENSITIVITY), WEIGHT.abs())
    assert not magnitude(nn.Parameter(WEIGHT), SENSITIVITY).requires_grad
    assert given(WEIGHT, SENSITIVITY) is SENSITIVITY


def test_the_gate_of_a_norm_scales_its_weight_and_bias_and_signs_may_cancel() -> None:
    model = network()
    seen = values(model, c0_weight=[9.0, 9.0], c1_weight=[3.0, -1.0], c1_bias=[-3.0, -2.0])
    scores = gated(channels_of(model), seen)
    assert scores.tolist() == [0.0, 3.0], "the kernel before the norm plays no part"
    assert scores.dtype == torch.float64


def test_without_a_norm_the_gate_scales_kernel_and_bias() -> None:
    model = network(norm=False)
    seen = values(model, c0_weight=[4.0, -1.0], c0_bias=[-1.0, -1.0], c2_weight=[7.0] * 4)
    assert gated(channels_of(model), seen).tolist() == [3.0, 2.0]


@pytest.mark.parametrize("norm", [True, False])
def test_the_gate_of_the_weight_scales_the_kernel_alone(norm: bool) -> None:
    model = network(norm)
    other = {"c1_weight": [5.0, 5.0]} if norm else {"c0_bias": [5.0, 5.0]}
    seen = values(model, c0_weight=[-4.0, 1.0], **other)
    assert gated(channels_of(model), seen, gate="weight").tolist() == [4.0, 1.0]


def test_an_unknown_gate_is_refused_with_those_there_are() -> None:
    model = network()
    with pytest.raises(CellpruneError, match=r"no gate 'activations'\.\nDid you mean 'activation'\?"):
        gated(channels_of(model), values(model), gate="activations")


def test_channels_are_ranked_by_the_root_mean_square_of_what_makes_them() -> None:
    model = nn.Sequential(nn.Conv2d(2, 2, 1), nn.Conv2d(2, 1, 1))
    channels = find(model, torch.randn(1, 2, 4, 4))
    weights = values(model, c0_weight=[3.0, 4.0, 0.0, 1.0])
    assert mean_magnitude(channels, weights).tolist() == pytest.approx([12.5**0.5, 0.5**0.5])
    masks = {"0.weight": torch.tensor([[True, False], [False, False]]).view(2, 2, 1, 1)}
    left = root_mean_square(channels, weights, {name: mask.float() for name, mask in masks.items()})
    assert left.tolist() == [3.0, 0.0], "of what is left, and 0 where nothing is"


def test_a_channel_is_drawn_by_its_first_weight() -> None:
    model = nn.Sequential(nn.Conv2d(2, 3, 2), nn.Conv2d(3, 1, 1))
    channels = find(model, torch.randn(1, 2, 4, 4))
    draws = {name: torch.rand(p.shape) for name, p in model.named_parameters()}
    assert drawn(channels, draws).tolist() == draws["0.weight"][:, 0, 0, 0].double().tolist()


def test_tied_channels_are_drawn_by_the_first_layer_that_makes_them() -> None:
    class Shortcut(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second, self.head = nn.Conv2d(1, 2, 1), nn.Conv2d(1, 2, 1), nn.Conv2d(2, 1, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.first(x) + self.second(x))

    model = Shortcut()
    channels = find(model, torch.randn(1, 1, 4, 4))
    draws = {name: torch.rand(p.shape) for name, p in model.named_parameters()}
    assert drawn(channels, draws).tolist() == draws["first.weight"].flatten().double().tolist()
    ones = {name: torch.ones_like(p) for name, p in model.named_parameters()}
    assert gated(channels, ones).tolist() == [4.0, 4.0], "kernel and bias of both layers go with it"
