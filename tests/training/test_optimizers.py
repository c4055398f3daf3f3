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


def test_an_optimizers_state_comes_back_to_the_bit() -> None:
    def made() -> tuple[nn.Module, torch.optim.Optimizer]:
        torch.manual_seed(0)
        network = nn.Linear(3, 2)
        optimizer, _ = optimizers.build(
            network, name="adamw", learning_rate=0.1, weight_decay=0.0, schedule="constant", steps=9
        )
        return network, optimizer

    network, optimizer = made()
    network(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    other, again = made()
    other.load_state_dict(network.state_dict())
    stored = {name: value.clone() for name, value in optimizers.tensors_of(optimizer).items()}
    optimizers.restore(again, stored, optimizers.numbers_of(optimizer))
    for one, optimizer_of in ((network, optimizer), (other, again)):
        one.zero_grad()
        one(torch.ones(1, 3)).square().sum().backward()
        optimizer_of.step()
    assert torch.equal(network.weight, other.weight)
