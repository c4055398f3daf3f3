"""Masks to start from: they hold, with the exact count, or the combination is refused."""

import pytest
import torch
from torch.nn import functional as F

from cellprune.errors import CellpruneError
from cellprune.pruning.prune import prune
from cellprune.pruning.scores import scores
from cellprune.pruning.start import refuse_revived


def narrow():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv2d(1, 12, 3), torch.nn.ReLU(), torch.nn.Conv2d(12, 8, 1), torch.nn.ReLU(),
                               torch.nn.Conv2d(8, 2, 1))  # fmt: skip


IMAGES = {
    "batches": [(torch.linspace(-1, 1, 4 * 64).sin().view(4, 1, 8, 8), torch.arange(4 * 36).view(4, 6, 6) % 2)],
    "loss": F.cross_entropy,
}
ROUNDS = {"synflow": {"rounds": 30}, "force": {"rounds": 5}}  # some of which would keep more than is left
WHOLE = ({}, {"scope": "layer"}, {"floor": 0.19}, {"effective": True})


@pytest.mark.parametrize("granularity", ["weight", "channel"])
@pytest.mark.parametrize("method", ["random", "magnitude", "snip", "synflow", "erk", "force"])
def test_with_masks_to_start_from_both_they_and_the_count_hold_or_it_is_refused(method, granularity):
    first = prune(narrow(), method="random", granularity=granularity, sparsity=0.3, seed=3, **IMAGES)
    counts = ["0.bias", "2.bias"] if granularity == "channel" else first
    total = sum(first[name].numel() for name in counts)
    amounts = [{"sparsity": 0.7}, {"budget": {"channels" if granularity == "channel" else "params": 0.4}}]
    for extra, amount in ((extra, amount) for extra in WHOLE for amount in amounts):
        asked = {
            "method": method,
            "granularity": granularity,
            "start": first,
            **amount,
            **extra,
            **IMAGES,
            **ROUNDS.get(method, {}),
        }
        if extra or method == "erk" or (method, granularity) == ("force", "channel"):
            with pytest.raises(CellpruneError, match=r"start removes some|share of its|chooses weights|effective="):
                prune(narrow(), **asked)
            continue
        ours = prune(narrow(), **asked)
        share = 0.3 if "sparsity" in amount else 0.4
        assert sum(int(ours[name].sum()) for name in counts) == int(share * total + 0.5), asked
        assert all((first[name] | ~ours[name]).all() for name in ours), asked


def test_masks_that_leave_fewer_channels_than_should_stay_are_refused():
    first = prune(narrow(), method="random", granularity="channel", sparsity=0.5, **IMAGES)
    with pytest.raises(CellpruneError, match="start leaves 10 channels, fewer than the 14 that should stay"):
        prune(narrow(), method="synflow", granularity="channel", sparsity=0.3, start=first, **IMAGES)


@pytest.mark.parametrize(("method", "granularity"), [("synflow", "weight"), ("snip", "weight"), ("snip", "channel")])
def test_scores_of_all_that_masks_to_start_from_left(method, granularity):
    first = prune(narrow(), method="random", granularity=granularity, sparsity=0.5, **IMAGES)
    ours = scores(narrow(), method=method, granularity=granularity, start=first, **IMAGES)
    if granularity == "weight":
        assert all(torch.equal(ours[name].isfinite(), first[name]) for name in first)
    with pytest.raises(CellpruneError, match="everything should stay, and start has removed some of it"):
        prune(narrow(), method=method, granularity=granularity, sparsity=0, start=first, **IMAGES)


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ([1], "start is list: give masks, parameter name -> bool tensor"),
        ({1: torch.ones(2).bool()}, "start holds Tensor for 1: give parameter name -> bool tensor"),
        ({"0.weight": [1]}, "start holds list for '0.weight': give"),
    ],
)
def test_what_are_no_masks_is_refused(start, said):
    with pytest.raises(CellpruneError, match=said):
        prune(narrow(), method="random", sparsity=0.5, start=start)


def test_masks_that_bring_something_back_are_named():
    with pytest.raises(CellpruneError, match="1 weights of 'a' that start had removed would come back"):
        refuse_revived({"a": torch.tensor([True, True])}, {"a": torch.tensor([True, False])})
