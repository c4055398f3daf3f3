"""A target of effective sparsity: the count that is found is the one that trying every count finds."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cellprune.errors import CellpruneError
from cellprune.pruning.prune import prune
from cellprune.structure.effective import active_weights


def network():
    torch.manual_seed(3)
    model = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 1), nn.ReLU(), nn.Conv2d(4, 2, 1))
    return model, [(torch.randn(2, 1, 6, 6), torch.randint(0, 2, (2, 6, 6)))]


def counted(model, masks):
    active = active_weights(model, (1, 6, 6), masks)
    return sum(int(mask.sum()) for mask in masks.values()), sum(int(active[name].sum()) for name in masks)


@pytest.mark.parametrize("method", ["random", "snip", "magnitude"])
@pytest.mark.parametrize("sparsity", [0.4, 0.6])
def test_the_count_is_the_largest_whose_paths_are_few_enough(method, sparsity):
    model, data = network()
    n = 36 + 16 + 8
    asked = round((1 - sparsity) * n)
    given = {"method": method, "batches": data, "loss": F.cross_entropy, "seed": 2}
    masks = prune(model, sparsity=sparsity, effective=True, **given)
    kept, active = counted(model, masks)
    assert active <= asked <= kept
    every = [prune(model, sparsity=1 - count / n, **given) for count in range(kept, n)]
    fitting = [count for count, other in zip(range(kept, n), every, strict=True) if counted(model, other)[1] <= asked]
    assert fitting == [kept]  # one more, or any more, has too many active ones
    plain = prune(model, sparsity=sparsity, **given)
    assert all((masks[name] | ~plain[name]).all() for name in masks)


@pytest.mark.parametrize(
    "arguments",
    [
        {"method": "snip", "budget": {"macs": 0.5}},
        {"method": "snip", "sparsity": 0.5, "granularity": "channel"},
        {"method": "force", "sparsity": 0.5},
    ],
)
def test_what_is_not_one_ranking_of_weights_is_refused(arguments):
    model, data = network()
    with pytest.raises(CellpruneError, match="counts single weights that are scored once"):
        prune(model, effective=True, batches=data, loss=F.cross_entropy, **arguments)
