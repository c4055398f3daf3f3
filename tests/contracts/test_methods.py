"""What every pruning method promises, tested for each row of the table the moment it stands there.

Dense families choose no weights, so they promise other things: tests/controls/test_families.py asks each of them.
"""

import itertools
import random

import numpy as np
import pytest
import torch
from reference_pruning import EveryKind
from torch.nn import functional as F

from cellprune.config import names
from cellprune.config.names import resolve
from cellprune.models import build, resnet
from cellprune.pruning.derivatives.batches import take
from cellprune.pruning.derivatives.conditions import untouched
from cellprune.pruning.prunable import prunable
from cellprune.pruning.prune import prune
from cellprune.pruning.ranking.revival import survivors
from cellprune.pruning.ranking.schedule import one_shot
from cellprune.structure.trace import find

NETWORKS = {
    "unet": (lambda: build({"name": "unet", "width": 2, "depth": 2}), (1, 8, 8), (2, 8, 8)),
    "resnet20": (lambda: resnet.build(width=2, classes=3), (3, 8, 8), ()),
    "every kind": (lambda: EveryKind(dropout=0.3), (2, 6, 6), ()),
}
SOONER = {"rounds": 3, "draws": 2, "probes": 2}  # by default up to a hundred
every_method = pytest.mark.parametrize("method", sorted(names.methods("before")))
every_method_of_weights = pytest.mark.parametrize(
    "method", sorted(name for name in names.methods("before") if names.method(name).channels != "always")
)
every_method_of_channels = pytest.mark.parametrize(
    "method", sorted(name for name in names.methods("before") if names.method(name).channels != "never")
)
# its twenty layers take long, and the two small networks have all kinds of them
RESNET = pytest.param("resnet20", marks=pytest.mark.slow)
every_network = pytest.mark.parametrize("network", ["unet", RESNET, "every kind"])


def case(network):
    make, inputs, target = NETWORKS[network]
    torch.manual_seed(0)
    if target:
        return make(), [(torch.randn(2, *inputs), torch.randint(0, 2, target)) for _ in range(4)]
    return make(), [(torch.randn(9, *inputs), torch.arange(9) % 3) for _ in range(4)]  # ten of each class, and more


def options_of(method):
    own = resolve("pruning method", method).defaults()
    return {name: value for name, value in SOONER.items() if name in own}


def sensitivity(method, model, data, seed=0):
    row = resolve("pruning method", method)
    options = row.resolve(method, {})
    with untouched(model):
        batches = take(data, row.needs_batches(options), torch.device("cpu")) if row.needs_batches(options) else []
        return row.sensitivity(model, {}, batches, F.cross_entropy, seed=seed, **row.of(row.sensitivity, options))


@every_method
@every_network
def test_a_finite_sensitivity_for_every_parameter_and_nothing_changed(method, network):
    model, data = case(network)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    model.eval()
    draws = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()
    scores = sensitivity(method, model, data)
    prune(model, method=method, sparsity=0.5, batches=data, loss=F.cross_entropy, **options_of(method))
    assert list(scores) == [name for name, _ in model.named_parameters()]
    for name, parameter in model.named_parameters():
        assert scores[name].shape == parameter.shape
        assert scores[name].isfinite().all()
        assert not scores[name].requires_grad
        assert parameter.grad is None
        assert parameter.requires_grad
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert not any(module.training for module in model.modules())
    assert draws[0] == random.getstate()
    assert (draws[1] == np.random.get_state()[1]).all()
    assert torch.equal(draws[2], torch.get_rng_state())


@every_method
@every_network
def test_the_same_seed_gives_the_same_scores(method, network):
    model, data = case(network)
    first, again = (sensitivity(method, model, data, seed=3) for _ in range(2))
    assert all(torch.equal(first[name], again[name]) for name in first)


@every_method_of_weights
@every_network
@pytest.mark.parametrize("scope", ["global", "layer"])
def test_the_asked_sparsity_is_met_exactly_and_masks_of_one_ranking_nest(method, network, scope):
    row = resolve("pruning method", method)
    if row.quotas and scope == "layer":
        pytest.skip("it has shares of its own")
    model, data = case(network)
    n = sum(p.numel() for p in prunable(model).values())
    masks = [
        prune(model, method=method, sparsity=r, scope=scope, batches=data, loss=F.cross_entropy, **options_of(method))
        for r in (0.0, 0.2, 0.36, 0.7)
    ]
    for mask, density in zip(masks, (1.0, 0.8, 0.64, 0.3), strict=True):
        assert sum(int(m.sum()) for m in mask.values()) == int(density * n + 0.5)
    one_ranking = scope == "global" and row.schedule is one_shot and not row.quotas
    for sparse, sparser in itertools.pairwise(masks) if one_ranking else ():
        assert all((sparse[name] | ~sparser[name]).all() for name in sparse)


@every_method
def test_a_data_free_method_sees_no_data(method):
    row = resolve("pruning method", method)
    model, data = case("every kind")
    other = [(torch.randn_like(inputs), (target + 1) % 3) for inputs, target in data]
    first, again = (
        prune(model, method=method, sparsity=0.5, batches=batches, loss=F.cross_entropy, **options_of(method))
        for batches in (data, other)
    )
    assert row.data_free == all(torch.equal(first[name], again[name]) for name in first)


@every_method
def test_a_loader_that_never_gives_the_same_again_is_read_once(method):
    model, data = case("every kind")
    readings = itertools.count()

    class Loader:
        def __iter__(self):
            assert next(readings) == 0, "the method would see other batches"
            return iter(data)

    first, again = (
        prune(model, method=method, sparsity=0.5, batches=batches, loss=F.cross_entropy, **options_of(method))
        for batches in (data, Loader())
    )
    assert all(torch.equal(first[name], again[name]) for name in first)


@every_method
def test_what_went_stays_gone_unless_the_method_revives(method):
    row = resolve("pruning method", method)
    model, _ = case("every kind")
    masks = {name: torch.rand(p.shape) < 0.5 for name, p in prunable(model).items()}
    may = row.candidates(model, masks)
    assert (row.candidates is survivors) == all(torch.equal(may[name], masks[name]) for name in masks)


@every_method_of_weights
def test_a_network_of_equal_weights_is_full_of_ties_and_still_exact(method):
    model, data = case("every kind")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(0.125)
    n = sum(p.numel() for p in prunable(model).values())
    # few, for ties fall on the last layer, which may not go as a whole
    masks = prune(model, method=method, sparsity=0.03, batches=data, loss=F.cross_entropy, **options_of(method))
    assert sum(int(m.sum()) for m in masks.values()) == int(0.97 * n + 0.5)


@every_method
def test_the_facts_of_its_row_are_those_of_its_code(method):
    """The row is read without torch; what it says must be what the method does."""
    row, code = names.method(method), resolve("pruning method", method)
    assert row.reads_batches == (code.needs_batches(code.defaults()) > 0 and not code.data_free)
    assert (row.channels != "never") == (code.channel is not None)
    assert row.own_shares == (code.quotas is not None)
    assert row.rounds == code.defaults().get("rounds")
    assert (row.rounds is None) == (code.schedule is one_shot)
    assert set(row.channel_options) == code.defaults("channel").keys() - code.defaults().keys()


@every_method_of_channels
@pytest.mark.parametrize("network", ["unet", RESNET])
def test_the_asked_number_of_channels_is_met_exactly_whatever_their_cost(method, network):
    model, data = case(network)
    channels = find(model, data[0][0])
    for cost in ("auto", "channels", "memory"):
        masks = prune(
            model, method=method, sparsity=0.3, granularity="channel", cost=cost, batches=data, loss=F.cross_entropy,
            **options_of(method),
        )  # fmt: skip
        assert int(channels.kept(masks).sum()) == int(0.7 * channels.count + 0.5)


@every_method
def test_it_says_where_it_comes_from(method):
    module, _ = names.METHODS[method].home.split(":")
    assert "Source:" in __import__(module, fromlist=["METHOD"]).__doc__


@every_method
def test_an_unknown_option_is_refused(method):
    from cellprune.errors import CellpruneError

    model, data = case("every kind")
    with pytest.raises(CellpruneError, match="'no_such_option'"):
        prune(model, method=method, sparsity=0.5, batches=data, loss=F.cross_entropy, no_such_option=1)


def test_random_differs_with_the_seed_and_is_uniform():
    model, _ = case("every kind")
    first, other = (prune(model, method="random", sparsity=0.5, seed=seed) for seed in (0, 1))
    assert any(not torch.equal(first[name], other[name]) for name in first)
    large = torch.nn.Linear(400, 400)
    kept = prune(large, method="random", sparsity=0.5)["weight"].float().mean(dim=1)
    assert (kept - 0.5).abs().max() < 0.15
