"""Controls of a mask: what they keep of it and what they take away."""

import pytest
import torch
from reference_pruning import EveryKind, batches
from torch.nn import functional as F

from cellprune.controls.shuffled import shuffled, shuffled_channels
from cellprune.models import build, resnet
from cellprune.pruning.prune import prune
from cellprune.pruning.ranking.whole_channels import kept_by
from cellprune.structure.trace import find


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


NETWORKS = {
    "unet": lambda: (build({"name": "unet", "width": 4, "depth": 2}), torch.randn(2, 1, 16, 16)),
    "resnet20": lambda: (resnet.build(width=4, classes=3), torch.randn(2, 3, 8, 8)),
    "projection": lambda: (resnet.projection(width=4, classes=3), torch.randn(2, 3, 8, 8)),
}


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("whole", [False, True])
def test_shuffled_channels_are_others_and_as_many_in_every_layer(network, whole):
    torch.manual_seed(0)
    model, inputs = NETWORKS[network]()
    exclude = [f"{'down.1' if network == 'unet' else 6}.*"] if whole else []
    masks = prune(
        model, method="magnitude", granularity="channel", sparsity=0.4, batches=[(inputs, inputs)], exclude=exclude
    )
    first, again, other = (shuffled_channels(model, inputs, masks, seed) for seed in (0, 0, 1))
    for theirs in (masks, other):
        assert any(not torch.equal(first[name], theirs[name]) for name in masks)
    assert all(torch.equal(first[name], again[name]) for name in masks)
    assert first.keys() == masks.keys(), "what is excluded stays whole, and out of the count"
    for name, mask in first.items():
        assert int(mask.sum()) == int(masks[name].sum())
    channels = find(model, inputs)
    assert kept_by(model, channels, first) is not None, "whole channels, tied ones together"
    assert int(kept_by(model, channels, first).sum()) == int(kept_by(model, channels, masks).sum())


def test_masks_of_single_weights_are_no_channels():
    model, inputs = NETWORKS["unet"]()
    masks = prune(model, method="magnitude", sparsity=0.4)
    assert shuffled_channels(model, inputs, masks, 0) is None
