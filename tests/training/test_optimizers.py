"""The course of the learning rate."""

import pytest
import torch
from torch import nn

from cellprune.training import optimizers


def rates(first_step: int = 0, steps: int = 8) -> list[float]:
    model = nn.Linear(1, 1)
    optimizer, schedule = optimizers.build(
        model, name="sgd", learning_rate=0.1, weight_decay=0.0, schedule="step", steps=steps, first_step=first_step
    )
    found = []
    for _ in range(first_step, steps):
        found.append(optimizer.param_groups[0]["lr"])
        model(torch.ones(1, 1)).sum().backward()
        optimizer.step()
        assert schedule is not None
        schedule.step()
    return found


def test_steps_are_a_tenth_after_half_and_after_three_quarters() -> None:
    assert rates() == pytest.approx([0.1] * 4 + [0.01] * 2 + [0.001] * 2)


@pytest.mark.parametrize("first_step", [1, 4, 7])
def test_a_later_start_is_the_rest_of_the_course(first_step: int) -> None:
    assert rates(first_step) == pytest.approx(rates()[first_step:])
