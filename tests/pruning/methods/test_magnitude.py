"""Magnitude: the largest weights stay, and nothing else counts."""

import torch
from torch import nn

from cellprune.pruning.methods import magnitude
from cellprune.pruning.prune import prune


def model() -> nn.Module:
    network = nn.Sequential(nn.Linear(3, 2, bias=False), nn.Linear(2, 2, bias=False))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[0.1, -0.9, 0.3], [0.8, -0.2, 0.0]]))
        network[1].weight.copy_(torch.tensor([[5.0, -4.0], [0.05, 0.7]]))
    return network


def test_the_largest_stay_whatever_their_sign() -> None:
    masks = prune(model(), method="magnitude", sparsity=0.5)
    assert masks["0.weight"].tolist() == [[False, True, False], [True, False, False]]
    assert masks["1.weight"].tolist() == [[True, True], [False, True]]


def test_by_layer_each_layer_keeps_its_own_largest() -> None:
    masks = prune(model(), method="magnitude", sparsity=0.5, scope="layer")
    assert masks["0.weight"].tolist() == [[False, True, True], [True, False, False]]
    assert masks["1.weight"].tolist() == [[True, True], [False, False]]


def test_inverted_the_smallest_stay() -> None:
    masks = prune(model(), method="magnitude", sparsity=0.9, invert=True)
    assert [(name, mask.nonzero().tolist()) for name, mask in masks.items()] == [
        ("0.weight", [[1, 2]]),
        ("1.weight", []),
    ]


def test_the_sensitivity_is_the_weight_itself_without_a_graph() -> None:
    network = model()
    found = magnitude.sensitivity(network, {}, [], None, seed=0)
    assert found.keys() == dict(network.named_parameters()).keys()
    assert not found["0.weight"].requires_grad
    assert torch.equal(found["0.weight"], network[0].weight)
