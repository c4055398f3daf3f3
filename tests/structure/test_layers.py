"""Which modules hold the weights that count, and how a weight is laid out by its outputs."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from cellprune.structure.layers import (
    across_groups,
    as_weight,
    by_output,
    first_of,
    is_transposed,
    kernels,
    ones,
    weighted_layers,
)

LAYERS = [
    nn.Linear(6, 4),
    nn.Conv1d(6, 4, 3),
    nn.Conv2d(6, 4, 3, groups=2),
    nn.Conv3d(4, 4, 2, groups=4),
    nn.ConvTranspose2d(6, 4, 2),
    nn.ConvTranspose2d(6, 4, 2, groups=2),
    nn.ConvTranspose1d(4, 4, 3, groups=4),
]
named = pytest.mark.parametrize("layer", LAYERS, ids=str)


class Tied(nn.Module):
    """A weight that two linear layers share, and one that an embedding uses, too."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.out = nn.Embedding(4, 3), nn.Linear(3, 4)
        self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3)
        self.out.weight = self.words.weight
        self.second.weight = self.first.weight
        self.norm, self.computed = nn.LayerNorm(3), parametrizations.weight_norm(nn.Linear(3, 3))


def test_a_weight_counts_once_and_one_that_others_use_or_that_is_computed_not_at_all() -> None:
    model = Tied()
    assert weighted_layers(model) == {"first.weight": model.first}
    assert list(weighted_layers(nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Conv1d(1, 1, 1)))) == [
        "0.weight",
        "2.weight",
    ]


@named
def test_each_row_is_the_weights_of_one_output(layer: nn.Module) -> None:
    """An output depends on its row alone: with the row at zero it is its bias."""
    rows = by_output(layer, layer.weight)
    n_outputs = len(layer.bias)
    assert len(rows) == n_outputs
    assert rows.numel() == layer.weight.numel()
    inputs = torch.randn(2, 6 if layer.weight.dim() == 2 else layer.in_channels, *[5] * (layer.weight.dim() - 2))
    marks = by_output(layer, torch.arange(layer.weight.numel()).view_as(layer.weight))
    for output in (0, n_outputs - 1):
        kept = layer.weight.detach().clone().flatten()
        kept[marks[output].flatten()] = 0
        made = torch.func.functional_call(layer, {"weight": kept.view_as(layer.weight)}, (inputs,))
        changed = (made - layer(inputs)).abs().transpose(0, 1).flatten(1).amax(1) > 1e-6
        assert changed.nonzero().flatten().tolist() == [output]
        assert torch.allclose(made[:, output], layer.bias[output].expand_as(made[:, output]), atol=1e-6)


@named
def test_a_weight_that_was_laid_out_comes_back(layer: nn.Module) -> None:
    if isinstance(layer, nn.Linear):
        layer.groups = 1
    laid = kernels(layer, layer.weight)
    assert laid.dim() == 3
    assert laid.shape[0] == len(layer.bias)
    assert torch.equal(as_weight(layer, laid, layer.weight.shape), layer.weight)


def test_groups_are_spread_with_zeros_between() -> None:
    per_group = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert across_groups(nn.Conv2d(4, 2, 1, groups=2), per_group).tolist() == [[1, 2, 0, 0], [0, 0, 3, 4]]
    assert across_groups(nn.Conv2d(2, 2, 1), per_group) is per_group
    assert across_groups(nn.Linear(2, 2), per_group) is per_group


def test_only_transposed_convolutions_are() -> None:
    assert [is_transposed(layer) for layer in LAYERS] == [False] * 4 + [True] * 3


def test_a_sample_of_ones_is_of_the_networks_precision() -> None:
    sample = ones(nn.Linear(2, 2).double(), (3, 4))
    assert (sample.shape, sample.dtype, bool((sample == 1).all())) == ((1, 3, 4), torch.float64, True)


def test_what_a_layer_reads_is_its_first_argument_named_or_not() -> None:
    value: Tensor = torch.ones(1)
    assert first_of((value, 2), {"scale": 3}) is value
    assert first_of((), {"input": value}) is value
