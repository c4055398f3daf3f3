"""NTK-SAP against central differences of its sum, written out with the same draws."""

import pytest
import torch
from reference_pruning import EveryKind, batches
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from cellprune.errors import CellpruneError, WorkError
from cellprune.pruning.derivatives.conditions import untouched
from cellprune.pruning.methods import ntk_sap
from cellprune.pruning.prunable import prunable
from cellprune.pruning.prune import prune


def network():
    torch.manual_seed(1)
    return EveryKind(dropout=0.5).double()


def score(model, masks=(), seed=0, **options):
    with untouched(model):
        return ntk_sap.sensitivity(model, dict(masks), batches(1), None, seed=seed, **options)


@pytest.mark.parametrize("is_masked", [False, True])
def test_it_is_the_slope_of_the_distance_by_a_factor_before_each_weight(monkeypatch, is_masked):
    model, noise, plain = network(), [], ntk_sap._normal

    def recorded(like, generator):
        noise.append(plain(like, generator))
        return noise[-1]

    monkeypatch.setattr(ntk_sap, "_normal", recorded)
    names = list(prunable(model))
    gates = {name: torch.ones_like(model.get_parameter(name)) for name in names}
    if is_masked:
        gates = {name: (torch.rand_like(gate) < 0.7).double() for name, gate in gates.items()}
    ours = score(model, {name: gate.bool() for name, gate in gates.items()}, draws=2, perturbation=0.05)
    n, draws = len(names), []
    for numbers in (noise[: 2 * n + 1], noise[2 * n + 1 :]):
        weights = {name: z * (2 / z[0].numel()) ** 0.5 for name, z in zip(names, numbers[:n], strict=True)}
        others = {name: weights[name] + 0.05 * z for name, z in zip(names, numbers[n:-1], strict=True)}
        z = F.conv2d(numbers[-1], weights["stem.weight"] * gates["stem.weight"], model.stem.bias, padding=1).detach()
        fixed = {"norm.running_mean": z.mean((0, 2, 3)), "norm.running_var": z.var((0, 2, 3))}
        draws.append((weights, others, fixed, numbers[-1]))
    model.eval()

    def distance(factors):
        total = 0.0
        for *both, fixed, inputs in draws:
            values = [{name: w * factors[name] for name, w in each.items()} for each in both]
            first, second = (functional_call(model, each | fixed, (inputs,)) for each in values)
            total += (first - second).square().sum().item() / len(inputs) / len(draws)
        return total

    for name in names:
        direction = torch.randn_like(gates[name])
        up, down = (distance(gates | {name: gates[name] + step * direction}) for step in (1e-5, -1e-5))
        assert (ours[name] * direction).sum().item() == pytest.approx((up - down) / 2e-5, rel=1e-6, abs=1e-10), name
    assert {name for name in ours if ours[name].any()} == set(names) - {"unused.weight"}


def test_neither_weights_nor_data_count_and_each_round_draws_others():
    model, other = network(), network()
    with torch.no_grad():
        for p in prunable(other).values():
            p.normal_()
    first, again = score(model), score(other)
    assert all(torch.equal(first[name], again[name]) for name in first)
    masks = {name: torch.ones_like(p, dtype=torch.bool) for name, p in prunable(model).items()}
    masks["unused.weight"][0, 0] = False  # on no path: only the draw can tell
    assert not torch.equal(score(model, masks)["head.weight"], first["head.weight"])
    assert not torch.equal(score(model, seed=1)["head.weight"], first["head.weight"])


def test_what_cannot_be_is_refused():
    model, data = network(), batches(1)
    for options, words in (({"draws": 0}, "draws is 0"), ({"perturbation": 0}, "perturbation is 0")):
        with pytest.raises(CellpruneError, match=words):
            prune(model, method="ntk-sap", sparsity=0.5, batches=data, **options)
    deep = nn.Sequential(*[nn.Linear(4, 4) for _ in range(3)])
    nn.init.constant_(deep[0].bias, torch.inf)
    with pytest.raises(WorkError, match="drive the network to NaN or infinity"):
        prune(deep, method="ntk-sap", sparsity=0.5, batches=[(torch.ones(2, 4), None)])
