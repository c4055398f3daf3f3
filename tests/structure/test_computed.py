"""Layers that compute their weight: found however they do it, and which parameter has the weight's zeros."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, parametrize
from torch.nn.utils import prune as torch_prune

from cellprune.structure.computed import computed_weights

pytestmark = pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm` is deprecated")


class Standardized(nn.Conv2d):
    def forward(self, x):
        weight = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        return F.conv2d(x, weight / weight.std((1, 2, 3), keepdim=True), self.bias)


class Equalized(nn.Linear):
    def forward(self, x):
        return F.linear(x, 0.3 * self.weight, self.bias)


class Padding(nn.Conv2d):
    def forward(self, x):
        return self._conv_forward(F.pad(x, (1, 1, 1, 1)), self.weight, self.bias)


class Reading(nn.Linear):
    def forward(self, x, y):
        return x @ self.weight.mT + y


class Symmetric(nn.Module):
    def forward(self, weight):
        return weight.triu() + weight.triu(1).mT


def symmetric():
    layer = nn.Linear(4, 4)
    parametrize.register_parametrization(layer, "weight", Symmetric())
    return layer


def run_before():
    layer = nn.utils.weight_norm(nn.Conv2d(2, 3, 3))
    layer(torch.randn(1, 2, 5, 5))  # its weight is part of a graph from now on
    return layer


def pruned():
    layer = nn.Conv2d(2, 3, 3)
    torch_prune.random_unstructured(layer, "weight", 0.5)
    return layer


ORIGINAL = "parametrizations.weight.original"
LAYERS = {
    "weight norm": (lambda: parametrizations.weight_norm(nn.Conv2d(2, 3, 3)), (f"{ORIGINAL}1", 0, False)),
    "along inputs": (
        lambda: parametrizations.weight_norm(nn.ConvTranspose2d(2, 3, 3), dim=1), (f"{ORIGINAL}1", 1, False)
    ),
    "of the whole": (lambda: parametrizations.weight_norm(nn.Linear(3, 4), dim=None), (f"{ORIGINAL}1", -1, False)),
    "of one input": (lambda: parametrizations.weight_norm(nn.Linear(1, 4)), (f"{ORIGINAL}1", 0, False)),
    "mirrored, grouped": (
        lambda: parametrizations.weight_norm(
            nn.Conv2d(4, 6, 3, padding=2, dilation=2, groups=2, padding_mode="reflect")
        ),
        (f"{ORIGINAL}1", 0, False),
    ),
    "spectral norm": (lambda: parametrizations.spectral_norm(nn.Conv2d(2, 3, 3)), (ORIGINAL, -1, False)),
    "old weight norm": (lambda: nn.utils.weight_norm(nn.Conv1d(2, 3, 3)), ("weight_v", 0, False)),
    "old weight norm that has run": (run_before, ("weight_v", 0, False)),
    "old spectral norm": (lambda: nn.utils.spectral_norm(nn.Linear(3, 4)), ("weight_orig", -1, False)),
    "mask of torch": (pruned, ("weight_orig", None, True)),
    "equalized": (lambda: Equalized(3, 4), ("weight", None, True)),
    "standardized": (lambda: Standardized(2, 3, 3), (None, None, False)),
    "symmetric": (symmetric, (None, None, False)),
    "orthogonal": (lambda: parametrizations.orthogonal(nn.Linear(4, 4)), (None, None, False)),
}  # fmt: skip


@pytest.mark.parametrize("kind", LAYERS)
def test_it_is_known_whose_zeros_a_computed_weight_has(kind):
    make, expected = LAYERS[kind]
    found = computed_weights(nn.ModuleDict({"layer": make()}))["layer"]
    assert (found.original, found.divided, found.scales) == expected


@pytest.mark.parametrize("layer", [nn.Conv2d(2, 3, 3), nn.LazyLinear(3), Padding(2, 3, 3), Reading(3, 4)])
def test_stored_weights_are_not_computed(layer):
    assert not computed_weights(layer)


def test_looking_changes_nothing_and_calls_nobody():
    calls = []
    layer = parametrizations.spectral_norm(nn.Linear(3, 4))
    layer.register_forward_hook(lambda *_: calls.append("after"))
    layer.register_forward_pre_hook(lambda *_: calls.append("before"))
    state, random = {key: value.clone() for key, value in layer.state_dict().items()}, torch.get_rng_state()
    computed_weights(layer)
    assert all(torch.equal(value, state[key]) for key, value in layer.state_dict().items())
    assert torch.equal(random, torch.get_rng_state())
    assert layer.training
    assert not calls
