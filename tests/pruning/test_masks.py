"""Masks held through training: with any optimizer, the same trajectory as multiplying in the forward pass."""

import pytest
import torch
from torch import nn
from torch.func import functional_call

from cellprune.errors import CellpruneError
from cellprune.pruning.masks import (
    apply,
    clear_gradients,
    counts,
    dead_layers,
    hold,
    kept_bits,
    mask_gradients,
    mask_values,
)

OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=0.1),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1, amsgrad=True),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.05, initial_accumulator_value=0.1),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01, momentum=0.9, centered=True, weight_decay=0.1),
    "lbfgs": lambda p: torch.optim.LBFGS(p, lr=0.1, max_iter=3),
}


def network():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 2)).double()
    masks = {name: torch.rand(p.shape) < 0.4 for name, p in model.named_parameters() if p.ndim == 2}
    return model, masks


def train(model, optimizer, forward, steps=6, clip=None):
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        x, t = (torch.randn(8, n, generator=generator, dtype=torch.float64) for n in (5, 2))

        def closure(x=x, t=t):
            optimizer.zero_grad()
            value = ((forward(x) - t) ** 2).mean()
            value.backward()
            if clip:
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            return value

        optimizer.step(closure)


@pytest.mark.parametrize("clip", [None, 0.05])
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_holding_equals_multiplying_in_the_forward_pass(kind, clip):
    model, masks = network()
    apply(model, masks)
    optimizer = OPTIMIZERS[kind](model.parameters())
    hold(model, masks, optimizer)
    train(model, optimizer, model, clip=clip)

    other, _ = network()
    apply(other, masks)

    def multiplied(x):
        return functional_call(other, {n: p * masks[n] if n in masks else p for n, p in other.named_parameters()}, (x,))

    train(other, OPTIMIZERS[kind](other.parameters()), multiplied, clip=clip)
    for (name, ours), theirs in zip(model.named_parameters(), other.parameters(), strict=True):
        kept = masks.get(name, torch.ones_like(ours, dtype=torch.bool))
        assert torch.equal(ours[kept], theirs[kept])
        assert (ours[~kept] == 0).all()
        assert not torch.signbit(ours[~kept]).any()
        for value in optimizer.state[ours].values():
            if isinstance(value, torch.Tensor) and value.shape == ours.shape and kind != "adagrad":
                assert not value[~kept].any()


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_gradients_that_are_not_finite_move_no_pruned_weight(value):
    model, masks = network()
    optimizer = OPTIMIZERS["sgd"](model.parameters())
    hold(model, masks, optimizer)
    (model(torch.full((1, 5), value, dtype=torch.float64))).sum().backward()
    optimizer.step()
    for name, mask in masks.items():
        p = model.get_parameter(name)
        assert (p[~mask] == 0).all()
        assert (p.grad[~mask] == 0).all()
        assert (optimizer.state[p]["momentum_buffer"][~mask] == 0).all()


def test_gradients_set_by_hand_are_masked_before_the_step():
    model, masks = network()
    optimizer = OPTIMIZERS["sgd"](model.parameters())
    hold(model, masks, optimizer)
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    optimizer.step()
    assert all((model.get_parameter(name).grad[~mask] == 0).all() for name, mask in masks.items())


def test_release_lets_the_weights_move_again_and_may_be_called_twice():
    model, masks = network()
    optimizer = OPTIMIZERS["adamw"](model.parameters())
    handle = hold(model, masks, optimizer)
    handle.release()
    handle.release()
    train(model, optimizer, model, steps=1)
    assert all(model.get_parameter(name)[~mask].any() for name, mask in masks.items())


def test_wrappers_are_looked_through():
    class Wrapped(torch.optim.SGD):  # as accelerate does: an optimizer that holds the one that steps
        def __init__(self, optimizer):
            super().__init__([nn.Parameter(torch.zeros(1))])
            self.optimizer = optimizer

        def step(self, closure=None):
            return self.optimizer.step(closure)

    model, masks = network()
    inner = OPTIMIZERS["sgd"](model.parameters())
    outer = Wrapped(inner)
    hold(nn.DataParallel(torch.compile(model, backend="eager")), masks, outer)
    train(model, inner, model)
    assert all(not model.get_parameter(name)[~mask].any() for name, mask in masks.items())

    model, masks = network()
    model[0] = torch.compile(model[0], backend="eager")  # a part compiled after the masks were made
    apply(model, masks)
    assert not model[0].weight[~masks["0.weight"]].any()


def test_the_parts_work_alone():
    model, masks = network()
    optimizer = OPTIMIZERS["adamw"](model.parameters())
    mask_gradients(model, masks)  # no gradient yet: nothing to do
    train(model, optimizer, model, steps=1)
    mask_values(model, masks, optimizer)
    p, mask = model[0].weight, masks["0.weight"]
    assert not p[~mask].any()
    assert not optimizer.state[p]["exp_avg"][~mask].any()
    assert p[mask].all()


def test_counts_and_dead_layers():
    masks = {"a": torch.tensor([True, False]), "b": torch.zeros(3, dtype=torch.bool)}
    assert counts(masks) == {"a": (1, 2), "b": (0, 3)}
    assert dead_layers(masks) == ["b"]


@pytest.mark.parametrize(
    ("masks", "words"),
    [
        (
            {"0.wieght": torch.ones(7, 5, dtype=torch.bool)},
            r"of another network: one is of '0.wieght', shape \(7, 5\), and",
        ),
        ({"0.weight": torch.ones(5, 7, dtype=torch.bool)}, r"shape \(5, 7\), but the parameter takes .* \(7, 5\)"),
        ({"0.weight": torch.ones(7, 5)}, r"torch.float32 of shape"),
    ],
)
def test_masks_of_another_network_are_refused(masks, words):
    model, _ = network()
    with pytest.raises(CellpruneError, match=words):
        hold(model, masks, OPTIMIZERS["sgd"](model.parameters()))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_gradients_are_cleared_to_the_bit_whatever_they_are(dtype):
    model = nn.Conv2d(3, 4, 3).to(dtype).to(memory_format=torch.channels_last)
    masks = {"weight": torch.rand(4, 3, 3, 3, generator=torch.Generator().manual_seed(0)) < 0.5}
    gradient = torch.randn(4, 3, 3, 3, dtype=dtype)
    gradient.view(-1)[:4] = torch.tensor([float("nan"), float("inf"), -0.0, -float("inf")])
    cleared = []
    for clear in (lambda: mask_gradients(model, masks), lambda: clear_gradients(kept_bits(model, masks))):
        model.weight.grad, model.bias.grad = gradient.clone(), None
        clear()
        cleared.append(model.weight.grad.view(torch.int16))
    assert torch.equal(*cleared)
    assert model.weight.grad[~masks["weight"]].view(torch.int16).eq(0).all(), "+0.0"


def test_an_optimizer_of_another_network_is_refused_and_no_masks_hold_nothing():
    model, _ = network()
    other = OPTIMIZERS["sgd"](network()[0].parameters())
    masks = {"0.weight": torch.zeros(7, 5, dtype=torch.bool)}
    with pytest.raises(CellpruneError, match="this SGD steps none of the 1 masked parameters: give the optimizer of"):
        hold(model, masks, other)
    assert model[0].weight.all(), "refused before anything is masked"
    hold(model, {}, other).release()
    model[0].weight.requires_grad_(False)  # which no step moves
    hold(model, masks, other).release()
