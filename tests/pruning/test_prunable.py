"""Computed weights and matrices of every kind are pruned and held; what lies outside is said."""

import logging

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations
from torch.nn.utils import prune as torch_prune

from cellprune.errors import CellpruneError, TooMuchError
from cellprune.pruning.masks import hold
from cellprune.pruning.prunable import prunable
from cellprune.pruning.prune import prune
from cellprune.pruning.ranking.revival import in_dead_channels

pytestmark = pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm` is deprecated")

NORMS = {
    "weight": parametrizations.weight_norm,
    "old weight": nn.utils.weight_norm,
    "spectral": parametrizations.spectral_norm,
    "old spectral": nn.utils.spectral_norm,
}
DATA = [(torch.randn(6, 1, 6, 6), torch.randint(2, (6, 2, 2))) for _ in range(4)]


def network(norm):
    torch.manual_seed(0)
    return nn.Sequential(norm(nn.Conv2d(1, 8, 3)), nn.Tanh(), norm(nn.Conv2d(8, 8, 3)), nn.Conv2d(8, 2, 1))


def trained(model, masks, data, loss=F.cross_entropy):
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.1)
    hold(model, masks, optimizer)
    for inputs, target in data:
        optimizer.zero_grad()
        loss(model(inputs), target).backward()
        optimizer.step()
    model(data[0][0])  # hooks compute their weight when they are called
    return model


@pytest.mark.parametrize("method", ["random", "magnitude", "snip", "force", "grasp", "prospr", "erk"])
@pytest.mark.parametrize("norm", NORMS)
def test_a_computed_weight_is_pruned_by_its_original_and_stays_so(norm, method):
    model = network(NORMS[norm])
    options = {"rounds": 3} if method == "force" else {}
    masks = prune(model, method=method, sparsity=0.8, batches=DATA, loss=F.cross_entropy, **options)
    assert sum(mask.numel() for mask in masks.values()) == 8 * 9 + 64 * 9 + 16
    assert sum(int(mask.sum()) for mask in masks.values()) == 133, "0.2 of 664"
    trained(model, masks, DATA)
    for layer, mask in zip((model[0], model[2]), masks.values(), strict=False):
        assert layer.weight.isfinite().all()
        assert torch.equal(layer.weight != 0, mask)


def test_each_slice_that_is_divided_by_its_size_keeps_its_best():
    model = network(parametrizations.weight_norm)
    masks = prune(model, method="magnitude", sparsity=0.97)
    for (name, mask), weight in zip(list(masks.items())[:2], prunable(model).values(), strict=False):
        best = weight.flatten(1).abs().argmax(1)
        assert mask.flatten(1).gather(1, best[:, None]).all(), name
    with pytest.raises(
        TooMuchError, match=r"1 of 8 slices of '0.parametrizations.weight.original1' would keep no weight"
    ):
        prune(model, method="magnitude", sparsity=0.99)


def test_a_computed_layer_is_excluded_by_its_own_name():
    model = network(parametrizations.weight_norm)
    for pattern in ("2", "2.weight", "2.parametrizations.weight.original1"):
        assert len(prunable(model, [pattern])) == 2


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.TransformerEncoderLayer(4, 2, 6, dropout=0.0, batch_first=True)
        self.cells, self.head = nn.LSTM(4, 3, batch_first=True), nn.Linear(3, 2)

    def forward(self, x):
        return self.head(self.cells(self.encoder(x))[0]).mT


@pytest.mark.parametrize("method", ["magnitude", "snip", "force"])
def test_the_matrices_of_attention_and_recurrent_layers_are_pruned(method):
    torch.manual_seed(0)
    model, data = Attention(), [(torch.randn(3, 5, 4), torch.randint(2, (3, 5))) for _ in range(4)]
    options = {"rounds": 2} if method == "force" else {}
    masks = prune(model, method=method, sparsity=0.5, batches=data, loss=F.cross_entropy, **options)
    layer = [f"encoder.{name}.weight" for name in ("self_attn.out_proj", "linear1", "linear2")]
    assert set(masks) == {"encoder.self_attn.in_proj_weight", *layer, "cells.weight_ih_l0", "cells.weight_hh_l0",
                          "head.weight"}  # fmt: skip
    trained(model, masks, data)
    assert all(not model.get_parameter(name)[~mask].any() for name, mask in masks.items())
    with pytest.raises(
        CellpruneError, match=r"a budget in macs knows .*, but 'encoder.self_attn.in_proj_weight' is of"
    ):
        prune(model, method=method, budget={"macs": 0.5}, batches=data, loss=F.cross_entropy, **options)
    with pytest.raises(CellpruneError, match="effective=True knows convolutions"):
        prune(model, method="magnitude", sparsity=0.5, batches=data, effective=True)


class Turned(nn.Module):
    """A matrix that is stored the other way round, as in the Conv1D of transformers."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 4))

    def forward(self, x):
        return x @ self.weight


def test_a_foreign_matrix_is_pruned_and_its_dead_outputs_are_known():
    model = nn.Sequential(Turned(), nn.Linear(4, 2))
    data = [(torch.randn(6, 3), torch.randint(2, (6,))) for _ in range(3)]
    masks = prune(model, method="force", sparsity=0.5, batches=data, loss=F.cross_entropy, rounds=3, revive_dead=False)
    assert set(masks) == {"0.weight", "1.weight"}
    kept = torch.tensor([[True, False, False, True]]).expand(3, 4)
    assert torch.equal(in_dead_channels(model, {"0.weight": kept})["0.weight"], ~kept)


def test_what_torch_has_pruned_is_refused_by_name():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    torch_prune.random_unstructured(model[1], "weight", 0.5)
    with pytest.raises(CellpruneError, match=r"torch.nn.utils.prune holds a mask on '1.weight_orig' already"):
        prune(model, method="magnitude", sparsity=0.5)
    assert set(prune(model, method="magnitude", sparsity=0.5, exclude=["1"])) == {"0.weight"}
    torch_prune.remove(model[1], "weight")
    assert len(prune(model, method="magnitude", sparsity=0.5)) == 2


def test_synflow_refuses_a_weight_that_does_not_carry_flow():
    with pytest.raises(CellpruneError, match=r"synflow needs weights .*'0' computes its weight"):
        prune(network(parametrizations.weight_norm), method="synflow", sparsity=0.5, batches=DATA)


class Standardized(nn.Conv2d):
    def forward(self, x):
        weight = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        return F.conv2d(x, weight / weight.std((1, 2, 3), keepdim=True), self.bias)


def outside(model, caplog, **given):
    with caplog.at_level(logging.WARNING, "cellprune"):
        prune(model, **{"method": "magnitude", "sparsity": 0.5} | given)
    return [message for message in caplog.messages if "outside what is pruned" in message]


def test_what_lies_outside_is_said_with_its_share_and_reason(caplog):
    model = nn.Sequential(
        nn.Embedding(30, 4), nn.Linear(4, 4), nn.Linear(4, 6).requires_grad_(False),
        parametrizations.orthogonal(nn.Linear(6, 4)), nn.Linear(4, 4),
    )  # fmt: skip
    (message,) = outside(model, caplog)
    total = 120 + 20 + 30 + 28 + 20
    assert message == (
        f"{100 * (120 + 24 + 24) / total:.3g} % of the network's parameters lie outside what is pruned, and stay "
        "whole: '0.weight' (Embedding), '2.weight' (frozen), '3.parametrizations.weight.original' (its weight is "
        "computed)"
    )


def test_a_convolution_that_shifts_its_kernel_is_outside(caplog):
    model = nn.Sequential(Standardized(1, 8, 3), nn.Conv2d(8, 2, 1))
    assert set(prune(model, method="magnitude", sparsity=0.5)) == {"1.weight"}
    assert "'0.weight' (its weight is computed)" in outside(model, caplog)[0]


def test_channels_beside_computed_weights_stay_and_are_said(caplog):
    model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.Conv2d(8, 8, 3), parametrizations.weight_norm(nn.Conv2d(8, 8, 1)))
    (message,) = outside(model, caplog, granularity="channel", batches=[(torch.randn(1, 1, 8, 8), None)])
    assert "'2.parametrizations.weight.original1' (its weight is computed)" in message


def test_nothing_is_said_of_what_was_excluded_or_is_little(caplog):
    model = nn.Sequential(nn.Embedding(2, 4), nn.Linear(4, 40), nn.Linear(40, 4))
    model.scale = nn.Parameter(torch.ones(()))
    assert not outside(model, caplog, exclude=["1"])
