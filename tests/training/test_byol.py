"""BYOL: the loss and the target's course by hand, each view against the other one, and a target that learns nothing."""

import math

import pytest
import torch
from torch import nn

from cellprune.training.byol import Byol, Following, mean_of_both, regression
from cellprune.training.representation import Representation


@pytest.fixture
def byol() -> Byol:
    torch.manual_seed(0)
    return Byol(Representation(nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 2, 1)), ["0"]), 4)


def test_the_loss_is_two_less_twice_the_cosine_and_both_views_count() -> None:
    predicted, target = torch.tensor([[3.0, 0.0], [1.0, 1.0]]), torch.tensor([[0.0, 2.0], [5.0, 5.0]])
    assert regression(predicted, target).tolist() == pytest.approx([2.0, 0.0], abs=1e-6)
    assert regression(predicted, -predicted).tolist() == pytest.approx([4.0, 4.0])
    normalized = [nn.functional.normalize(x, dim=1) for x in (predicted, target)]
    by_definition = (normalized[0] - normalized[1]).square().sum(1)  # equation 2
    assert torch.allclose(regression(predicted, target), by_definition, atol=1e-6)
    assert mean_of_both(torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.empty(0)).item() == 5.0


def test_each_view_is_held_against_the_other_one_of_its_image(byol: Byol) -> None:
    byol.eval()
    views = torch.randn(6, 1, 5, 5)
    losses = byol(views)
    for one, other in ((0, 3), (1, 4), (5, 2)):
        predicted, target = byol.predict(byol.online(views[[one]])), byol.target(views[[other]])
        assert losses[one].item() == pytest.approx(regression(predicted, target).item(), abs=1e-5)


def test_the_target_follows_by_a_share_that_falls_as_a_cosine_and_learns_nothing_itself(byol: Byol) -> None:
    mean_of_both(byol(torch.randn(4, 1, 5, 5)), torch.empty(0)).backward()
    assert all(value.grad is None for value in byol.target.parameters())
    online, target = (next(branch.parameters()) for branch in (byol.online, byol.target))
    with torch.no_grad():
        online += 1.0
    before = target.clone()
    policy = Following(0.9, steps=4)
    optimizer = torch.optim.SGD(byol.parameters(), lr=0.1)
    assert policy.before_step(0, byol, optimizer)
    policy.after_step(0, byol, optimizer)
    assert torch.allclose(target, before + 0.1, atol=1e-6), "at first tau is the momentum"
    before = target.clone()
    policy.after_step(1, byol, optimizer)
    share = 0.1 * (math.cos(math.pi / 4) + 1) / 2
    assert torch.allclose(target, before + share * (online - before), atol=1e-6)
    before = target.clone()
    policy.after_step(4, byol, optimizer)
    assert torch.equal(target, before), "at the end tau is 1"
