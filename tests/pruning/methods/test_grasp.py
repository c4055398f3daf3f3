"""GraSP against the Hessian written out, its closed form and sign, and the samples it chooses."""

from collections import OrderedDict
from dataclasses import dataclass

import pytest
import torch
from reference_pruning import EveryKind, batches, freeze, hessian_times_gradient
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from cellprune.config.request import Request
from cellprune.errors import CellpruneError
from cellprune.pruning.derivatives.batches import Reader
from cellprune.pruning.derivatives.conditions import untouched
from cellprune.pruning.methods import grasp
from cellprune.pruning.prunable import prunable
from cellprune.pruning.prune import choose_segments, prune
from cellprune.pruning.scores import scores


def network(norm="batch"):
    torch.manual_seed(1)
    model = EveryKind("batch" if norm == "frozen" else norm).double()
    if norm == "frozen":
        freeze(model.norm)
    return model


def score(model, data, masks=(), loss=F.cross_entropy, **options):
    with untouched(model):
        return grasp.sensitivity(model, dict(masks), data, loss, seed=0, **options)


@pytest.mark.parametrize("norm", ["batch", pytest.param("frozen", marks=pytest.mark.slow), "group"])
@pytest.mark.parametrize("temperature", [pytest.param(1.0, marks=pytest.mark.slow), 200.0])
def test_it_equals_the_hessian_written_out(norm, temperature):
    model, data = network(norm), [*batches(1, size=4), *batches(1, size=6)]
    names = list(prunable(model))
    theirs = hessian_times_gradient(model, data, names, temperature=temperature)
    ours = score(model, data, temperature=temperature)
    largest = max(t.abs().max() for t in theirs.values())
    for name in names:
        assert (ours[name] - theirs[name]).abs().max() < 1e-10 * largest, name


@pytest.mark.parametrize(("gate", "scaled"), [("activation", ("1.weight", "1.bias")), ("weight", ("0.weight",))])
def test_a_channels_gate_moves_the_norm_of_the_weights_gradient(gate, scaled):
    """Twice the score is the derivative of |g|^2 by the gate; what is kept has the largest, with its sign."""
    torch.manual_seed(2)
    model = nn.Sequential(nn.Conv2d(2, 5, 3), nn.BatchNorm2d(5), nn.SiLU(), nn.Conv2d(5, 3, 4)).double()
    nn.init.normal_(model[1].weight)
    nn.init.normal_(model[1].bias)
    data = [(x, t[:, None, None]) for x, t in batches(1)]
    given = {"method": "grasp", "granularity": "channel", "batches": data, "loss": F.cross_entropy}
    ours = scores(model, gate=gate, temperature=1.0, **given)["0.weight"]

    def norm_of_gradient(channel, factor):
        values = {name: p.detach().clone() for name, p in model.named_parameters()}
        for name in scaled:
            values[name][channel] *= factor
        weights = {name: values[name].requires_grad_() for name in ("0.weight", "3.weight")}
        loss = F.cross_entropy(functional_call(model, values | weights, (data[0][0],)), data[0][1])
        return sum(g.square().sum().item() for g in torch.autograd.grad(loss, [*weights.values()]))

    for channel in range(5):
        slope = (norm_of_gradient(channel, 1 + 1e-5) - norm_of_gradient(channel, 1 - 1e-5)) / 2e-5
        assert 2 * ours[channel].item() == pytest.approx(slope, rel=1e-5, abs=1e-8)
    kept = prune(model, sparsity=0.4, gate=gate, temperature=1.0, **given)["1.weight"]
    assert kept.nonzero().squeeze().tolist() == sorted(ours.topk(3).indices.tolist())
    assert (ours < 0).any(), "with a sign to lose"


def test_what_is_excluded_takes_no_part_in_the_hessian():
    model, data = network(), batches(1)
    names = [name for name in prunable(model) if name != "head.weight"]
    masks = {name: torch.ones_like(model.get_parameter(name), dtype=torch.bool) for name in names}
    theirs = hessian_times_gradient(model, data, names, temperature=200.0)
    ours = score(model, data, masks)
    assert all(torch.allclose(ours[name], theirs[name], rtol=1e-8, atol=1e-20) for name in names)
    assert not torch.allclose(ours["stem.weight"], score(model, data)["stem.weight"], rtol=1e-3)


def test_a_quadratic_has_the_closed_form_and_the_sign_of_the_gradients_norm():
    """L = w'Aw / 2 - b'w: H g = A (A w - b), and removing weight q changes |g|^2 by about -2 w_q (H g)_q."""
    torch.manual_seed(3)
    n = 5
    root, b = torch.randn(n, n).double(), torch.randn(n).double()
    a = root @ root.T
    model = nn.Linear(n, 1, bias=False).double()
    w = model.weight.detach().squeeze()
    identity = torch.eye(n, dtype=torch.float64)

    def loss(y, _):
        return (0.5 * y.T @ a @ y).squeeze() - b @ y.squeeze()

    ours = score(model, [(identity, None)], loss=loss, temperature=1.0)["weight"].squeeze()
    gradient = a @ w - b
    assert torch.allclose(ours, w * (a @ gradient), rtol=1e-12)
    for q in range(n):
        shrunk = w.clone()
        shrunk[q] *= 1 - 1e-6
        change = ((a @ shrunk - b).square().sum() - gradient.square().sum()) / 1e-6
        assert change.item() == pytest.approx(-2 * ours[q].item(), rel=1e-3, abs=1e-4)
    kept = prune(model, method="grasp", sparsity=0.6, batches=[(identity, None)], loss=loss, temperature=1.0)
    assert kept["weight"].squeeze().nonzero().squeeze().tolist() == sorted(ours.topk(2).indices.tolist())
    assert (ours < 0).any(), "with a sign to lose"


def test_micro_batches_give_the_same():
    model, data = network("group"), batches(2, size=5)
    whole, parts = score(model, data), score(model, data, micro_batch=2)
    assert all(torch.allclose(whole[name], parts[name], rtol=1e-9, atol=1e-22) for name in whole)
    request = Request(method="grasp", sparsity=0.5)
    assert choose_segments(model, request, batches=data, loss=F.cross_entropy) == {"micro_batch": None}


def gathered(data, per_class=None, model=None):
    reader = Reader(data, torch.device("cpu"), 1)
    return grasp.gather(model or network(), reader, {"samples_per_class": per_class})


def test_ten_samples_of_each_class_in_turn():
    data = batches(20, size=7)
    chosen = gathered(data)
    assert [len(target) for _, target in chosen] == [6, 6, 6, 6, 6]  # thirty, in parts no larger than the batches
    for _, target in chosen:
        assert target.tolist() == [0, 1, 2, 0, 1, 2]
    inputs, targets = (torch.cat(column) for column in zip(*data, strict=True))
    for label in range(3):
        ours = torch.cat([x[t == label] for x, t in chosen])
        assert torch.equal(ours, inputs[targets == label][:10])
    assert sum(len(target) for _, target in gathered(data, 2)) == 6


def test_one_batch_may_hold_all_that_is_needed():
    (chosen,) = gathered(batches(1, size=60), 3)
    assert chosen[1].tolist() == [0, 1, 2] * 3


def test_too_little_of_a_class_is_said():
    data = [(x, t.clamp_max(1)) for x, t in batches(3, size=7)]
    with pytest.raises(
        CellpruneError, match=r"2 samples of each of 3 classes are needed, but 3 batches held 0 of class 2"
    ):
        gathered(data, 2)


def test_maps_and_values_are_taken_as_they_stand():
    model = nn.Conv2d(1, 2, 1)
    maps = [(torch.randn(2, 1, 4, 4), torch.randint(0, 2, (2, 4, 4)))]
    assert torch.equal(gathered(maps, model=model)[0][1], maps[0][1])
    values = [(torch.randn(2, 3), torch.randn(2))]
    assert len(gathered(values, model=nn.Linear(3, 1))) == 1
    with pytest.raises(CellpruneError, match="samples_per_class is 10, but the targets are no classes"):
        gathered(maps, 10, model)
    with pytest.raises(CellpruneError, match="samples_per_class is 0"):
        gathered(maps, 0, model)
    with pytest.raises(CellpruneError, match="is empty"):
        gathered([], model=model)


class ModelOutput(OrderedDict):
    """As transformers has it: a mapping whose items are attributes, too, made from its fields."""

    def __init__(self, logits):
        super().__init__(logits=logits)
        self.logits = logits


@dataclass
class Output:
    logits: torch.Tensor
    n_layers: torch.Tensor


class Giving(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.inner, self.kind = network("group"), kind

    def forward(self, x):
        return self.kind(self.inner(x))


@pytest.mark.parametrize("kind", [ModelOutput, lambda logits: Output(logits, torch.tensor(3))])
def test_the_temperature_reaches_logits_in_whatever_the_network_gives(kind):
    def loss(output, target):
        return F.cross_entropy(output.logits, target)

    data = batches(2, size=8)
    ours, theirs = score(Giving(kind), data, loss=loss), score(network("group"), data)
    assert all(torch.equal(ours[f"inner.{name}"], theirs[name]) for name in theirs)
    pruned = prune(Giving(ModelOutput), method="grasp", sparsity=0.5, batches=data, loss=loss, samples_per_class=2)
    assert len(pruned) == 6
    parts = score(Giving(kind), data, loss=loss, micro_batch=3)
    assert all(torch.allclose(parts[name], ours[name], rtol=1e-9, atol=1e-22) for name in ours)


def test_samples_are_balanced_by_the_only_output_whatever_holds_it():
    (chosen,) = gathered(batches(1, size=60), 3, Giving(ModelOutput))
    assert chosen[1].tolist() == [0, 1, 2] * 3


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf")])
def test_a_temperature_out_of_range_is_refused(temperature):
    with pytest.raises(CellpruneError, match="temperature is"):
        score(network(), batches(1), temperature=temperature)


def test_a_module_without_second_derivative_is_named():
    class Attention(nn.Module):
        def forward(self, x):
            return F.scaled_dot_product_attention(x, x, x)

    model = nn.Sequential(nn.Conv2d(1, 2, 1), Attention(), nn.Conv2d(2, 2, 1))
    maps = [(torch.randn(2, 1, 4, 4), torch.randint(0, 2, (2, 4, 4)))]
    with pytest.raises(CellpruneError, match=r"'1' \(Attention\) has no second derivative .* take another method"):
        prune(model, method="grasp", sparsity=0.5, batches=maps, loss=F.cross_entropy)
