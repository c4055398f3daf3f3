"""N:M and blocks against plain lists, along the inputs of every kind of layer."""

import pytest
import torch
from torch import nn

from cellprune.config.pattern import Blocks, OfEach
from cellprune.errors import TooMuchError
from cellprune.pruning.prune import prune
from cellprune.pruning.ranking.patterns import best_of_each, input_axes, whole_blocks


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(6, 8, 3), nn.ConvTranspose2d(8, 4, 2), nn.Conv2d(4, 8, 3, groups=2), nn.Flatten(), nn.Linear(8, 5)
    )


MODEL = network()
SCORES = {name: torch.randint(0, 50, p.shape).double() for name, p in MODEL.named_parameters() if p.dim() > 1}
AXES = {"0.weight": 1, "1.weight": 0, "2.weight": 1, "4.weight": 1}


def lines(tensor, axis):
    """Give each run of inputs of one output and tap."""
    return tensor.movedim(axis, -1).reshape(-1, tensor.shape[axis]).tolist()


def test_the_axis_of_inputs_is_each_layers_own():
    assert input_axes(MODEL, SCORES) == AXES


def test_of_each_group_the_best_may_stay():
    among = {name: torch.rand(score.shape) < 0.9 for name, score in SCORES.items()}
    ours = best_of_each(SCORES, OfEach(2, 4), AXES, among)
    for name, axis in AXES.items():
        rows = zip(*(lines(each[name], axis) for each in (SCORES, among, ours)), strict=True)
        for scores, may, marked in rows:
            expected = [False] * len(scores)
            for begin in range(0, len(scores), 4):
                group = [i for i in range(begin, min(begin + 4, len(scores))) if may[i]]
                for i in sorted(group, key=lambda i, scores=scores: (-scores[i], i))[:2]:
                    expected[i] = True
            assert marked == expected, name


def test_blocks_stay_whole_and_the_best_of_them_as_many_as_fit():
    outputs, inputs, keep = 2, 3, 300
    entries = {}  # block -> its entries, in the order of layers, then outputs, inputs, taps
    for name, axis in AXES.items():
        for at in torch.ones_like(SCORES[name]).nonzero().tolist():
            block = (name, at[1 - axis] // outputs, at[axis] // inputs, *at[2:])
            entries.setdefault(block, []).append((name, tuple(at)))
    mean = {block: sum(SCORES[name][at].item() for name, at in held) / len(held) for block, held in entries.items()}
    order = sorted(entries, key=lambda block: (-mean[block], [*AXES].index(block[0]), block[1:]))
    kept, spent = set(), 0
    for block in order:
        spent += len(entries[block])
        if spent > keep:
            break
        kept |= set(entries[block])
    ours = whole_blocks(SCORES, Blocks(outputs, inputs), AXES, keep)
    assert {(name, tuple(at)) for name in ours for at in ours[name].nonzero().tolist()} == kept
    assert keep - 6 < len(kept) <= keep


@pytest.mark.parametrize("scope", ["global", "layer"])
def test_masks_have_the_pattern_and_the_count(scope):
    n = sum(score.numel() for score in SCORES.values())
    masks = prune(MODEL, method="magnitude", sparsity=0.6, pattern="2:4", scope=scope)
    assert sum(int(mask.sum()) for mask in masks.values()) == int(0.4 * n + 0.5)
    for name, mask in masks.items():
        assert all(sum(row[i : i + 4]) <= 2 for row in lines(mask, AXES[name]) for i in range(0, len(row), 4))
    blocks = prune(MODEL, method="magnitude", sparsity=0.6, pattern="4x1", scope=scope)
    assert 0.4 * n - 4 * 4 < sum(int(mask.sum()) for mask in blocks.values()) <= int(0.4 * n + 0.5)
    for name, mask in blocks.items():
        assert all(sum(row[i : i + 4]) in (0, len(row[i : i + 4]))
                   for row in lines(mask, 1 - AXES[name]) for i in range(0, len(row), 4))  # fmt: skip


def test_a_block_larger_than_what_stays_is_refused():
    with pytest.raises(TooMuchError, match="4 weights should stay, fewer than a block holds"):
        prune(nn.Linear(8, 8), method="magnitude", sparsity=0.94, pattern="8x8")
