"""SNIP: weight times gradient of the first batch, at the masked network, in closed form where there is one."""

import torch
from torch import nn
from torch.nn import functional as F

from cellprune.pruning.derivatives.conditions import untouched
from cellprune.pruning.methods import snip
from cellprune.pruning.prune import prune

INPUTS, TARGET = torch.tensor([[1.0, 2.0], [3.0, -1.0]]), torch.tensor([[1.0], [0.0]])


def model() -> nn.Module:
    network = nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[0.5, -2.0]]))
    return network


def score(network: nn.Module, masks=None, batches=((INPUTS, TARGET),)) -> torch.Tensor:
    with untouched(network):
        return snip.sensitivity(network, masks or {}, list(batches), F.mse_loss, seed=0)["weight"]


def test_a_linear_layer_has_the_closed_form() -> None:
    residual = INPUTS @ torch.tensor([[0.5], [-2.0]]) - TARGET  # -4.5 and 3.5
    gradient = (residual * INPUTS).sum(0)  # twice the mean of two
    assert torch.allclose(score(model()), torch.tensor([[0.5, -2.0]]) * gradient)


def test_under_a_mask_the_gradient_is_that_of_the_masked_network_and_the_weight_its_own() -> None:
    masks = {"weight": torch.tensor([[True, False]])}
    residual = INPUTS @ torch.tensor([[0.5], [0.0]]) - TARGET
    expected = torch.tensor([[0.5, -2.0]]) * (residual * INPUTS).sum(0)
    assert torch.allclose(score(model(), masks), expected)


def test_only_the_first_batch_counts() -> None:
    other = (INPUTS * 100, TARGET)
    assert torch.equal(score(model(), batches=[(INPUTS, TARGET), other]), score(model()))
    assert not torch.equal(score(model(), batches=[other]), score(model()))


def test_what_moves_the_loss_most_is_kept_whatever_its_sign() -> None:
    masks = prune(model(), method="snip", sparsity=0.5, batches=[(INPUTS, TARGET)], loss=F.mse_loss)
    sizes = score(model()).abs()
    assert masks["weight"].tolist() == [[bool(sizes[0, 0] > sizes[0, 1]), bool(sizes[0, 1] > sizes[0, 0])]]


def test_the_scale_of_the_loss_makes_no_difference() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    plain, scaled = (
        prune(network, method="snip", sparsity=0.5, batches=[(INPUTS, TARGET)],
              loss=lambda output, target, by=by: by * F.mse_loss(output, target))
        for by in (1.0, 64.0)
    )  # fmt: skip
    assert all(torch.equal(plain[name], scaled[name]) for name in plain)
