"""RANP by hand: summed sizes, layers of one mean, and the published preference for cheap layers."""

import torch
from torch import nn
from torch.nn import functional as F

from cellprune.pruning.methods import ranp
from cellprune.pruning.prune import prune
from cellprune.structure.trace import find


def two_layers() -> tuple[nn.Sequential, list[tuple[torch.Tensor, torch.Tensor]]]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 6, 3, padding=1), nn.ReLU(),
                          nn.Flatten(), nn.Linear(6 * 16, 3))  # fmt: skip
    return model, [(torch.randn(8, 1, 4, 4), torch.arange(8) % 3)]


def test_the_score_is_the_sum_over_kernel_and_bias_with_layers_of_one_mean() -> None:
    model, data = two_layers()
    F.cross_entropy(model(data[0][0]), data[0][1]).backward()
    sums = [(layer.weight * layer.weight.grad).abs().flatten(1).sum(1) + (layer.bias * layer.bias.grad).abs()
            for layer in (model[0], model[2])]  # fmt: skip
    expected = torch.cat([each / each.mean() for each in sums]).double()
    effects = {name: (p * p.grad).detach() for name, p in model.named_parameters()}
    assert torch.allclose(ranp.balanced(find(model, data[0][0]), effects), expected, rtol=1e-5)


def test_a_layer_without_effect_scores_zero_and_nothing_else() -> None:
    model, data = two_layers()
    effects = {name: p.detach() * (not name.startswith("2.")) for name, p in model.named_parameters()}
    scores = ranp.balanced(find(model, data[0][0]), effects)
    assert scores.isfinite().all()
    assert not scores[4:].any()


def test_cheap_layers_are_preferred_as_published() -> None:
    model, data = two_layers()
    cost = torch.tensor([10] * 4 + [30] * 6)
    raised = ranp.cheap_preferred(find(model, data[0][0]), torch.ones(10, dtype=torch.float64), cost)
    factors = 1 + 11 * torch.softmax(torch.tensor([-40 / 180, -1.0], dtype=torch.float64), 0)
    assert torch.allclose(raised, factors.repeat_interleave(torch.tensor([4, 6])))
    by_cost = [prune(model, method="ranp", sparsity=0.5, cost=cost, batches=data, loss=F.cross_entropy)
               for cost in ("macs", "memory", "auto")]  # fmt: skip
    assert torch.equal(by_cost[0]["2.weight"], by_cost[2]["2.weight"]), "macs, unless told"
