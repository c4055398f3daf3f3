"""A network made linear: activations pass values on, norms multiply, biases have no place."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cellprune.pruning.derivatives.linear import Linear, is_additive

ACTIVATIONS = [
    nn.ReLU(), nn.ReLU(inplace=True), nn.ReLU6(), nn.LeakyReLU(), nn.PReLU(), nn.ELU(), nn.SELU(), nn.CELU(), nn.SiLU(),
    nn.GELU(), nn.Mish(), nn.Softplus(), nn.Softsign(), nn.Tanhshrink(), nn.Hardshrink(), nn.Softshrink(),
    nn.LogSigmoid(), nn.Sigmoid(), nn.Hardsigmoid(), nn.Hardswish(), nn.Hardtanh(), nn.Tanh(), nn.Threshold(0.5, 9.0),
    nn.Softmax(1), nn.LogSoftmax(1), nn.Softmin(1), nn.Dropout(0.5), nn.Dropout2d(0.5), nn.AlphaDropout(0.5),
    nn.LocalResponseNorm(2),
]  # fmt: skip
FUNCTIONS = [torch.relu, torch.sigmoid, torch.tanh, torch.Tensor.relu, torch.Tensor.tanh, F.normalize]
IMAGE = torch.linspace(-3, 3, 24).view(1, 2, 3, 4)


@pytest.mark.parametrize("layer", ACTIVATIONS, ids=lambda layer: type(layer).__name__)
def test_an_activation_passes_its_input_on(layer: nn.Module) -> None:
    assert not torch.equal(layer.train()(IMAGE.clone()), IMAGE), "it does something, or the test is empty"
    with Linear():
        assert torch.equal(layer(IMAGE.clone()), IMAGE)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_a_function_is_caught_as_its_module_is(function) -> None:
    with Linear():
        assert torch.equal(function(IMAGE), IMAGE)
        assert torch.equal(torch.relu(input=IMAGE), IMAGE)


def scaled(layer: nn.Module) -> nn.Module:
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            parameter.copy_(torch.tensor([2.0, -3.0]) if name == "weight" else torch.tensor([7.0, 7.0]))
    return layer


@pytest.mark.parametrize(
    ("norm", "factor"),
    [
        (nn.BatchNorm2d(2, eps=3.0), 0.5),
        (nn.BatchNorm2d(2, eps=3.0).eval(), 0.5),
        (nn.InstanceNorm2d(2, affine=True), 1.0),
        (nn.GroupNorm(1, 2), 1.0),
    ],
)
def test_a_norm_multiplies_each_channel_and_adds_nothing(norm: nn.Module, factor: float) -> None:
    norm = scaled(norm)
    with Linear():
        ours = norm(IMAGE)
    assert torch.allclose(ours, IMAGE * torch.tensor([2.0, -3.0]).view(1, 2, 1, 1) * factor)


@pytest.mark.parametrize("norm", [nn.LayerNorm(2), nn.RMSNorm(2)])
def test_a_layer_norm_multiplies_along_the_last_axis(norm: nn.Module) -> None:
    values = torch.arange(6.0).view(3, 2)
    with Linear():
        assert torch.equal(scaled(norm)(values), values * torch.tensor([2.0, -3.0]))


@pytest.mark.parametrize(
    "norm", [nn.BatchNorm2d(2, affine=False, eps=0.0), nn.InstanceNorm2d(2), nn.GroupNorm(2, 2, affine=False),
             nn.LayerNorm(4, elementwise_affine=False)]
)  # fmt: skip
def test_a_norm_without_weights_passes_values_on(norm: nn.Module) -> None:
    with Linear():
        assert torch.equal(norm(IMAGE), IMAGE)


def test_what_is_linear_already_runs_as_it_is_and_nothing_lasts() -> None:
    layer = nn.Conv2d(2, 3, 3)
    with Linear():
        assert torch.equal(F.max_pool2d(layer(IMAGE), 1), layer(IMAGE))
    assert torch.equal(torch.relu(IMAGE), IMAGE.clamp(min=0)), "outside it, functions are what they were"


@pytest.mark.parametrize(
    ("name", "additive"),
    [("bias", True), ("head.bias", True), ("attention.in_proj_bias", True), ("bias.weight", False), ("weight", False)],
)
def test_what_is_called_a_bias_is_added(name: str, additive: bool) -> None:
    assert is_additive(name) is additive
