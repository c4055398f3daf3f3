"""Controls of a mask: what they keep of it and what they take away."""

import torch
from reference_pruning import EveryKind, batches
from torch.nn import functional as F

from cellprune.pruning.controls import shuffled
from cellprune.pruning.prune import prune


def test_a_shuffled_mask_differs_and_has_equal_counts():
    torch.manual_seed(0)
    masks = prune(EveryKind(), method="magnitude", sparsity=0.6)
    first, again, other = shuffled(masks, 0), shuffled(masks, 0), shuffled(masks, 1)
    assert {name: (int(m.sum()), m.shape) for name, m in first.items()} == {
        name: (int(m.sum()), m.shape) for name, m in masks.items()
    }
    assert all(torch.equal(first[name], again[name]) for name in masks)
    for theirs in (masks, other):
        assert any(not torch.equal(first[name], theirs[name]) for name in masks)


def test_inverted_scores_keep_what_would_go_first():
    torch.manual_seed(0)
    model, data = EveryKind().double(), batches(1)
    given = {"method": "snip", "batches": data, "loss": F.cross_entropy, "exclude": "unused"}
    kept, lowest = prune(model, sparsity=0.6, **given), prune(model, sparsity=0.4, invert=True, **given)
    assert not any((kept[name] & lowest[name]).any() for name in kept)
    assert all((kept[name] | lowest[name]).all() for name in kept)
