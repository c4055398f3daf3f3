"""Distillation: worked by hand, nothing where both agree, and a teacher that stays as it is."""

import math

import pytest
import torch
from torch import nn

from cellprune.training.distillation import Distillation, agreement, softened


def test_the_divergence_is_the_sum_by_hand_times_the_square_of_the_temperature() -> None:
    output = torch.tensor([[0.0, 2.0], [1.0, 1.0]])
    taught = torch.tensor([[4.0, 0.0], [1.0, 1.0]])  # the second agrees

    def soft(x: float) -> float:
        return 1 / (1 + math.exp(-x / 2))  # of the first class, at temperature 2, by the difference of both logits

    p, q = soft(4.0), soft(-2.0)
    by_hand = p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))
    assert softened(output, taught, 2.0).item() == pytest.approx(4 * by_hand / 2)


@pytest.mark.parametrize("probabilities", [True, False])
def test_what_agrees_costs_nothing_and_the_gradient_leads_there(probabilities: bool) -> None:
    torch.manual_seed(0)
    taught, output = torch.randn(2, 2, 3, 3), torch.randn(2, 2, 3, 3, requires_grad=True)
    loss = agreement(probabilities=probabilities, temperature=3.0)
    assert loss(taught, taught).item() == pytest.approx(0, abs=1e-6)
    (gradient,) = torch.autograd.grad(loss(output, taught), output)
    assert loss(output - gradient, taught) < loss(output, taught)


def test_a_teacher_gives_its_output_without_a_gradient_and_its_loss_has_its_weight() -> None:
    teacher = nn.Conv2d(1, 2, 1)
    images = torch.randn(1, 1, 4, 4)
    taught = Distillation(teacher, agreement(probabilities=False, temperature=1.0), weight=0.5)
    said = taught.output(images)
    assert not said.requires_grad
    assert torch.equal(said, teacher(images))
    assert taught.loss(said + 0.1, said).item() == pytest.approx(0.5 * 0.1**2 / 2)
