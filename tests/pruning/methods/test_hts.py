"""HTS against the Hessian written out, over signs that balance; its warm-up."""

import pytest
import torch
from scipy.linalg import hadamard
from torch import nn
from torch.nn import functional as F

from cellprune.errors import CellpruneError
from cellprune.pruning.derivatives.conditions import untouched
from cellprune.pruning.methods import hts
from cellprune.pruning.prune import prune

SHAPES = [(2, 1, 1, 2), (2,), (2,), (2, 2, 1, 1)]
SIZES = [4, 2, 2, 4]


def case():
    torch.manual_seed(4)
    model = nn.Sequential(nn.Conv2d(1, 2, (1, 2), bias=False), nn.BatchNorm2d(2), nn.Conv2d(2, 2, 1, bias=False))
    nn.init.normal_(model[1].weight)
    data = [(torch.randn(n, 1, 2, 3, dtype=torch.float64), torch.randint(2, (n, 2, 2))) for n in (3, 2)]
    return model.double(), data


def score(model, data, **options):
    with untouched(model):
        return hts.sensitivity(model, {}, data, F.cross_entropy, seed=0, **options)


def parts(flat):
    return [part.view(shape) for part, shape in zip(flat.split(SIZES), SHAPES, strict=True)]


def loss_by_hand(flat, data, fixed, temperature):
    """The mean loss over all samples, the three layers written out; without `fixed` the statistics are the batch's."""
    first, gamma, beta, last = parts(flat)
    total = 0
    for inputs, target in data:
        z = F.conv2d(inputs, first)
        mean, var = fixed or (z.mean((0, 2, 3)), z.var((0, 2, 3), correction=0))
        factor = gamma / (var + 1e-5).sqrt()
        y = F.conv2d(z * factor.view(2, 1, 1) + (beta - mean * factor).view(2, 1, 1), last)
        total = total + F.cross_entropy(y / temperature, target) * len(target)
    return total / sum(len(target) for _, target in data)


@pytest.mark.parametrize(("warm_up", "temperature"), [(True, 200.0), (True, 1.0), (False, 1.0)])
def test_over_balanced_signs_it_is_the_taylor_term_with_the_whole_diagonal(monkeypatch, warm_up, temperature):
    model, data = case()
    flat = torch.cat([p.detach().flatten() for p in model.parameters()])
    maps = [F.conv2d(x, model[0].weight.detach()) for x, _ in data]
    mean = torch.stack([z.mean((0, 2, 3)) for z in maps]).mean(0)
    var = torch.stack([z.var((0, 2, 3)) for z in maps]).mean(0)

    def by_hand(values):
        return loss_by_hand(values, data, (mean, var) if warm_up else None, temperature)

    gradient = torch.autograd.functional.jacobian(by_hand, flat)
    diagonal = torch.autograd.functional.hessian(by_hand, flat).diagonal()
    probes = torch.from_numpy(hadamard(16)[:, : len(flat)]).double()  # no two entries agree more often than not
    signs = iter([part for _ in data for vector in probes for part in parts(vector)])
    monkeypatch.setattr(hts, "_signs", lambda like, generator: next(signs))
    ours = score(model, data, probes=len(probes), warm_up=warm_up, temperature=temperature)
    assert next(signs, None) is None
    expected = flat * gradient + flat.square() * diagonal / 2
    assert torch.allclose(torch.cat([s.flatten() for s in ours.values()]), expected, rtol=1e-9, atol=1e-14)


def test_probes_are_random_signs_and_a_frozen_norm_keeps_its_statistics():
    model, data = case()
    assert set(hts._signs(torch.empty(50), torch.Generator().manual_seed(0)).tolist()) == {-1.0, 1.0}
    first, same = score(model, data), score(model, data)
    assert all(torch.equal(first[name], same[name]) for name in first)
    model[1].eval()
    frozen, own_mode = score(model, data), score(model, data, warm_up=False)
    assert all(torch.equal(frozen[name], own_mode[name]) for name in frozen)
    assert not torch.equal(frozen["0.weight"], first["0.weight"])


def test_options_out_of_range_are_refused():
    model, data = case()
    for options, words in (({"probes": 0}, "probes is 0"), ({"temperature": 0}, "temperature is 0")):
        with pytest.raises(CellpruneError, match=words):
            prune(model, method="hts", sparsity=0.5, batches=data, loss=F.cross_entropy, **options)
