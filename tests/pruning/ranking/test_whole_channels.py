"""Pruning by channels: the scores of gates, exact counts, masks of all that goes along, and what is refused."""

from fractions import Fraction

import pytest
import torch
from reference_pruning import batches, unrolled_sensitivity
from torch import nn
from torch.nn import functional as F

from cellprune.errors import CellpruneError, WorkError
from cellprune.models import build, resnet
from cellprune.pruning.derivatives.conditions import untouched
from cellprune.pruning.methods import prospr, snip
from cellprune.pruning.prune import prune
from cellprune.pruning.ranking.budget import NO_FLOOR
from cellprune.pruning.ranking.prices import priced
from cellprune.pruning.ranking.units import drawn, gated, mean_magnitude
from cellprune.pruning.ranking.whole_channels import Spending, choose_within
from cellprune.structure.levels import weights_of_levels
from cellprune.structure.shrink import shrink
from cellprune.structure.trace import find

DATA = batches(4)
METHODS = ("random", "magnitude", "snip", "3sp", "ranp", "prospr")


class Residual(nn.Module):
    """A sum of two convolutions, one with a norm behind it; then ReLU and a linear head."""

    def __init__(self, eps: float = 1e-5) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4, eps=eps)
        self.other = nn.Conv2d(4, 4, 3, padding=1)
        self.head = nn.Linear(4, 3)

    def forward(self, x, gates=None):
        gates = torch.ones(4, dtype=x.dtype) if gates is None else gates
        # both producers of the sum are scaled by one gate, the first before it is read by the second
        stem = F.relu(self.norm(self.stem(x)))
        return self.head((stem * gates[:, None, None] + self.other(stem) * gates[:, None, None]).mean((2, 3)))


def network(**options):
    torch.manual_seed(0)
    return Residual(**options).double()


def sensitivity(model, method=snip, data=DATA, **options):
    with untouched(model):
        return method.sensitivity(model, {}, data, F.cross_entropy, seed=0, **options)


def unet(norm="batch", width=4):
    torch.manual_seed(0)
    data = [(torch.randn(2, 1, 16, 16), torch.randint(0, 2, (2, 16, 16))) for _ in range(4)]
    return build({"name": "unet", "width": width, "depth": 2, "norm": norm}), data


def test_the_activation_gate_is_the_derivative_of_a_factor_behind_the_norm():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 5, 3), nn.ReLU(), nn.Flatten(),
                          nn.Linear(20, 3)).double()  # fmt: skip
    with torch.no_grad():
        model[1].weight.uniform_(0.5, 1.5)
        model[1].bias.normal_()
    channels = find(model, DATA[0][0])
    first, second = (torch.ones(n, dtype=torch.float64, requires_grad=True) for n in (4, 5))
    x = model[2](model[1](model[0](DATA[0][0])) * first[:, None, None])
    x = model[4](model[3](x) * second[:, None, None])
    loss = F.cross_entropy(model[6](model[5](x)), DATA[0][1])
    expected = torch.cat(torch.autograd.grad(loss, [first, second])).abs()
    assert torch.allclose(gated(channels, sensitivity(model)), expected, rtol=1e-9)


def test_terms_of_all_producers_are_summed_with_their_signs():
    model = network()
    channels = find(model, DATA[0][0])
    assert channels.count == 4
    s = sensitivity(model)
    norm = s["norm.weight"] + s["norm.bias"]
    other = s["other.weight"].sum((1, 2, 3)) + s["other.bias"]
    assert torch.allclose(gated(channels, s), (norm + other).abs(), rtol=1e-12)
    assert not torch.allclose(gated(channels, s), norm.abs() + other.abs(), rtol=1e-3)


@pytest.mark.parametrize("eps", [1e-5, 1e-2])
def test_a_weight_gate_is_blind_in_front_of_a_batch_norm(eps):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 4, 3, bias=False), nn.BatchNorm2d(4, eps=eps), nn.ReLU(), nn.Flatten(),
                          nn.Linear(64, 3)).double()  # fmt: skip
    channels = find(model, DATA[0][0])
    s = sensitivity(model)
    blind, seeing = gated(channels, s, gate="weight"), gated(channels, s, gate="activation")
    variance = model[0](DATA[0][0]).var((0, 2, 3), correction=0).detach()
    assert torch.allclose(blind, s["1.weight"].abs() * eps / (variance + eps), rtol=1e-6)
    assert blind.max() < 10 * eps * seeing.max()


def test_prospr_gates_are_its_meta_gradient_and_without_steps_those_of_snip():
    model = network()
    channels = find(model, DATA[0][0])
    options = {"inner_steps": 2, "inner_lr": 0.05}
    ours = gated(channels, sensitivity(model, prospr, DATA[:3], **options))
    plain = unrolled_sensitivity(model, DATA[:3], lr=0.05)
    assert torch.allclose(ours, gated(channels, plain), rtol=1e-9)
    assert torch.equal(gated(channels, sensitivity(model, prospr, inner_steps=0)), gated(channels, sensitivity(model)))
    first = gated(channels, sensitivity(model, prospr, DATA[:3], order="first", **options))
    assert not torch.allclose(first, ours, rtol=1e-6)


def test_magnitude_is_the_root_mean_square_of_what_makes_a_channel():
    model = network()
    channels = find(model, DATA[0][0])
    weights = {name: p.detach() for name, p in model.named_parameters()}
    rows = torch.cat([weights["stem.weight"].flatten(1), weights["other.weight"].flatten(1)], dim=1)
    assert torch.allclose(mean_magnitude(channels, weights), rows.square().mean(1).sqrt())


def test_tied_channels_get_one_draw():
    model = network()
    channels = find(model, DATA[0][0])
    draws = {name: torch.rand(p.shape, dtype=torch.float64) for name, p in model.named_parameters()}
    assert torch.equal(drawn(channels, draws), draws["stem.weight"][:, 0, 0, 0])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("norm", ["batch", "instance", "none", "group"])
def test_counts_are_exact_and_masks_cover_what_goes_along(method, norm):
    model, data = unet(norm, width=16 if norm == "group" else 4)
    channels = find(model, data[0][0])
    masks = prune(model, method=method, sparsity=0.6, batches=data, loss=F.cross_entropy, granularity="channel")
    kept = {int(c) for name, axes in channels.of.items() if masks[name].dim() == 1
            for c, m in zip(axes[0].tolist(), masks[name].tolist(), strict=True) if m}  # fmt: skip
    assert len(kept) == int(0.4 * channels.count + 0.5)
    assert all(masks[name].any() for name in channels.outputs)
    assert set(masks) == set(channels.of)
    assert not masks["up.0.0.weight"].all()
    assert masks["head.weight"].any(dim=1).all()  # every class stays


def test_a_resnet_is_pruned_by_the_same_call():
    torch.manual_seed(0)
    data = [(torch.randn(6, 3, 8, 8), torch.arange(6) % 3) for _ in range(4)]
    model = resnet.build(width=4, classes=3)
    masks = prune(model, sparsity=0.5, batches=data, loss=F.cross_entropy, granularity="channel", order="first")
    assert torch.equal(masks["11.residual.4.weight"], masks["14.weight"][0])
    assert masks["0.weight"].any(dim=(1, 2, 3)).tolist() == masks["11.residual.4.weight"].tolist()[6:10]


def test_ties_go_to_the_earlier_layer_and_index():
    model, data = unet()
    with torch.no_grad():
        for p in model.parameters():
            p.fill_(1.0)
    masks = prune(model, method="magnitude", sparsity=0.5, batches=data, granularity="channel")
    assert masks["down.0.1.weight"].all()
    assert masks["up.1.4.weight"].tolist() == [True, False, False, False]  # the one that each layer keeps
    layers = prune(model, method="magnitude", sparsity=0.5, batches=data, granularity="channel", scope="layer")
    assert layers["up.1.4.weight"].tolist() == [True, True, False, False]
    assert all(mask.float().mean() == 0.5 for mask in layers.values() if mask.dim() == 1), "also where paths join"


def test_excluded_layers_stay_whole():
    model, data = unet()
    masks = prune(model, method="random", sparsity=0.5, batches=data, granularity="channel", exclude=["down.1.0"])
    assert "down.1.0.weight" not in masks
    assert "down.1.1.weight" not in masks


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"batches": None, "method": "random"}, "goes through the network: give batches"),
        ({"sparsity": 0.97}, "of 92 channels would stay, but each layer keeps one channel at least, 12 together"),
        ({"sparsity": 0.87, "scope": "layer"}, "scope='layer' leaves no channel"),
        ({"gate": "kernel"}, "no gate 'kernel'"),
        ({"method": "magnitude", "gate": "weight"}, "'magnitude' takes no options, but 'gate'"),
        (
            {"sparsity": None, "budget": {"macs": 0.001}, "round_to": 1},
            "keeps one channel of each layer and needs 0.0.* dense network: give a budget above that, not 0.001$",
        ),
        ({"exclude": ["down.*", "up.*", "grow.*"]}, "has no channel that can go"),
    ],
)
def test_bad_arguments_are_refused(arguments, words):
    model, data = unet()
    given = {"method": "snip", "sparsity": 0.5, "batches": data, "loss": F.cross_entropy, "granularity": "channel"}
    with pytest.raises(CellpruneError, match=words):
        prune(model, **given | arguments)


def test_scores_that_cannot_be_ranked_are_refused():
    model, data = unet()
    with torch.no_grad():
        model.down[1][0].weight[0, 0, 0, 0] = torch.nan
    with pytest.raises(WorkError, match=r"1 of 8 scores of 'down.1.0.weight' are NaN"):
        prune(model, method="magnitude", sparsity=0.5, batches=data, granularity="channel")


def test_a_level_goes_where_all_that_may_go_has_gone_and_the_others_keep_more_without_it():
    torch.manual_seed(0)
    model, image = build({"name": "unet", "width": 4, "depth": 2}), torch.zeros(1, 1, 16, 16)
    channels = find(model, image)
    deepest, middle = weights_of_levels(model, channels.makes)
    of_deepest = torch.cat([channels.layers()[name] for name in deepest])
    low = torch.rand(channels.count).index_fill(0, of_deepest, 1e-6)
    prices = priced(model, image, channels, "params")

    def chosen(scores, share, least=NO_FLOOR, levels=(deepest, middle)):
        spending = Spending("params", Fraction(share), prices, prices)
        kept = choose_within(channels, scores, spending, least, levels)
        assert prices.total(kept) <= int(Fraction(share) * prices.total(torch.ones(channels.count, dtype=torch.bool)))
        return kept

    kept, before = chosen(low, "0.2"), chosen(low, "0.2", levels=())
    assert not kept[of_deepest].any()
    assert before[of_deepest].sum() == len(deepest), "one of each layer"
    assert low[kept].sum() > low[before].sum()
    assert all(kept[channels.layers()[name]].any() for name in middle - deepest), "a level that keeps more stays"
    for stays in (chosen(low, "0.2", Fraction("0.1")), chosen(low.index_fill(0, of_deepest, 10.0), "0.2")):
        assert all(stays[channels.layers()[name]].any() for name in deepest)
    small = shrink(model, channels.masks(kept, {name: p.shape for name, p in model.named_parameters()}), image)
    assert small.n_left_out == 1
