"""Masks that move: held like static ones in between, chosen anew by the rule, where and when it says."""

import pytest
import torch
from torch import nn

from cellprune.training.sparse.moving import Moving, masked_weights


def model() -> nn.Module:
    network = nn.Linear(3, 1, bias=False)
    nn.init.ones_(network.weight)
    return network


def mask(*kept: int) -> dict[str, torch.Tensor]:
    return {"weight": torch.tensor([[k in kept for k in range(3)]])}


def trained(policy: Moving, steps: int) -> tuple[nn.Module, list[list[float]]]:
    """Train with momentum on a constant gradient, and give the weights after each step."""
    network, weights = model(), []
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    policy.start(network, optimizer)
    for step in range(steps):
        optimizer.zero_grad()
        network(torch.ones(1, 3)).sum().backward()
        if policy.before_step(step, network, optimizer):
            optimizer.step()
        policy.after_step(step, network, optimizer)
        weights.append([round(value, 4) for value in network.weight[0].tolist()])
    return network, weights


def test_what_is_dropped_is_zero_and_what_returns_starts_from_zero_without_memory() -> None:
    rules = {1: mask(0, 1), 2: mask(0, 2)}
    _, weights = trained(Moving(mask(0, 1), lambda done, network, masks: rules.get(done)), 3)
    assert weights == [[0.9, 0.9, 0.0], [0.71, 0.0, 0.0], [0.439, 0.0, -0.1]]


def test_the_rule_hears_the_steps_that_are_done_and_the_masks_that_hold() -> None:
    heard: list[tuple[int, list[list[bool]]]] = []

    def rule(done: int, network: nn.Module, masks: dict[str, torch.Tensor]) -> dict[str, torch.Tensor] | None:
        heard.append((done, masks["weight"].tolist()))
        return mask(2) if done == 1 else None

    policy = Moving(mask(0), rule)
    trained(policy, 3)
    assert heard == [(1, [[True, False, False]]), (2, [[False, False, True]]), (3, [[False, False, True]])]
    assert policy.masks["weight"].tolist() == [[False, False, True]]


def test_an_update_in_a_steps_place_sees_dense_gradients_and_moves_no_weight() -> None:
    gradients: list[list[float]] = []

    def rule(done: int, network: nn.Module, masks: dict[str, torch.Tensor]) -> dict[str, torch.Tensor] | None:
        if done != 1:
            return None
        gradients.append(network.weight.grad[0].tolist())
        return mask(0, 2)

    _, weights = trained(Moving(mask(0), rule, takes_step=True), 3)
    assert gradients == [[1.0, 1.0, 1.0]]
    assert weights[0] == weights[1] == [0.9, 0.0, 0.0], "the update took the second step's place"
    assert weights[2][2] == pytest.approx(-0.1)


def test_its_state_is_its_masks() -> None:
    policy, other = Moving(mask(0), lambda *_: None), Moving(mask(1), lambda *_: None)
    other.load_state(policy.state())
    assert other.masks["weight"].tolist() == [[True, False, False]]


def test_masked_weights_come_in_the_models_order() -> None:
    network = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1))
    stored = {"1.weight": torch.ones(1, 1), "0.weight": torch.ones(1, 1), "gone": torch.ones(1)}
    assert list(masked_weights(network, stored)) == ["0.weight", "1.weight"]
