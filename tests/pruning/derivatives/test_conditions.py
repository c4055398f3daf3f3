"""A network is scored in full precision and left as it was, draws of every library included."""

import random

import numpy as np
import pytest
import torch
from torch import nn

from cellprune.pruning.derivatives.conditions import device_of, reseed, untouched


def draws() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(1))


def test_a_key_decides_all_draws_and_another_key_others() -> None:
    reseed(3, 1, None)
    first = draws()
    reseed(3, 1, None)
    assert draws() == first
    for key in ((3, 2, None), (4, 1, None), (3, 1, 0)):
        reseed(*key)
        assert all(ours != theirs for ours, theirs in zip(draws(), first, strict=True)), key


def test_autocast_and_no_grad_around_it_do_not_reach_in() -> None:
    model, inputs = nn.Linear(2, 2), torch.ones(1, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
        assert model(inputs).dtype == torch.bfloat16
        with untouched(model):
            output = model(inputs)
    assert output.dtype == torch.float32
    assert output.requires_grad


@pytest.mark.parametrize("fails", [False, True])
def test_precision_is_put_back_whatever_happens(fails: bool) -> None:
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("medium")
    torch.backends.cudnn.allow_tf32 = True
    try:
        try:
            with untouched(nn.Linear(1, 1)):
                assert torch.get_float32_matmul_precision() == "highest"
                assert not torch.backends.cudnn.allow_tf32
                if fails:
                    raise KeyError
        except KeyError:
            assert fails
        assert torch.get_float32_matmul_precision() == "medium"
        assert torch.backends.cudnn.allow_tf32
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]


def test_modes_and_draws_are_given_back() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2).eval())
    torch.manual_seed(0)
    state = torch.get_rng_state()
    with untouched(model):
        model.eval()
        torch.rand(5)
    assert [module.training for module in model] == [True, False]
    assert torch.equal(torch.get_rng_state(), state)


def test_a_network_without_parameters_is_on_the_cpu() -> None:
    assert device_of(nn.ReLU()) == torch.device("cpu")
    assert device_of(nn.Linear(1, 1, device="meta")) == torch.device("meta")
