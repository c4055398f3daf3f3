"""N:M and blocks against plain lists, along the inputs of every kind of layer."""

from fractions import Fraction
from functools import partial
from math import ceil

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cellprune.config.pattern import Blocks, OfEach
from cellprune.errors import TooMuchError
from cellprune.pruning.method import Method
from cellprune.pruning.prune import prune
from cellprune.pruning.ranking.patterns import best_of_each, input_axes, whole_blocks
from cellprune.pruning.ranking.schedule import in_rounds
from cellprune.pruning.ranking.units import given


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
    everything = {name: torch.ones_like(score, dtype=torch.bool) for name, score in SCORES.items()}
    ours = whole_blocks(SCORES, Blocks(outputs, inputs), AXES, keep, everything)
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


N = sum(score.numel() for score in SCORES.values())


def of_each(mask, axis, most):
    """Tell whether at most so many of each four inputs next to each other stay."""
    return all(sum(row[i : i + 4]) <= most for row in lines(mask, axis) for i in range(0, len(row), 4))


def is_of_blocks(mask, axis):
    """Tell whether blocks of 4 outputs by 1 input are whole or gone."""
    return all(sum(row[i : i + 4]) in (0, len(row[i : i + 4]))
               for row in lines(mask, 1 - axis) for i in range(0, len(row), 4))  # fmt: skip


@pytest.fixture
def rounds():
    """A method of five rounds that draws new scores each time, and what each round was given."""
    seen = []

    def score(model, masks, batches, loss, *, seed):
        seen.append(masks)
        generator = torch.Generator().manual_seed(len(seen))
        return {name: torch.rand(p.shape, generator=generator) for name, p in model.named_parameters()}

    return Method(sensitivity=score, unit=given, schedule=partial(in_rounds, rounds=5)), seen


@pytest.mark.parametrize("scope", ["global", "layer"])
@pytest.mark.parametrize("density", ["0.5", "0.45", "0.2"])
def test_rounds_narrow_each_group_step_by_step_and_end_in_the_pattern_and_the_count(rounds, scope, density):
    method, seen = rounds
    masks = prune(MODEL, method=method, sparsity=1 - float(density), pattern="2:4", scope=scope)
    assert sum(int(mask.sum()) for mask in masks.values()) == int(Fraction(density) * N + Fraction(1, 2))
    counts = in_rounds(N, Fraction(density), rounds=5)
    for keep, before, after in zip(counts, seen, [*seen[1:], masks], strict=True):
        assert all((mask <= before[name]).all() for name, mask in after.items()), "nested"
        most = max(2, ceil(Fraction(4 * keep, N)))
        assert all(of_each(mask, AXES[name], most) for name, mask in after.items())
        assert counts[-1] <= sum(int(mask.sum()) for mask in after.values()) <= keep
    assert not of_each(seen[1]["0.weight"], 1, 2), "in the beginning, groups are wider"


@pytest.mark.parametrize("scope", ["global", "layer"])
def test_blocks_that_went_stay_away(rounds, scope):
    method, seen = rounds
    masks = prune(MODEL, method=method, sparsity=0.6, pattern="4x1", scope=scope)
    for keep, before, after in zip(in_rounds(N, Fraction("0.4"), rounds=5), seen, [*seen[1:], masks], strict=True):
        assert all((mask <= before[name]).all() for name, mask in after.items())
        assert keep - 4 * 4 < sum(int(mask.sum()) for mask in after.values()) <= keep
        assert all(is_of_blocks(mask, AXES[name]) for name, mask in after.items())


@pytest.mark.parametrize("method", ["synflow", "iterative-snip", "force", "ntk-sap"])
def test_every_method_with_rounds_keeps_the_pattern(method):
    batches = [(torch.randn(4, 6, 4, 4), torch.arange(4))] * 3
    ask = partial(prune, MODEL, method=method, sparsity=0.7, batches=batches, loss=F.cross_entropy, rounds=3)
    masks, blocks = ask(pattern="1:4", sparsity=0.8), ask(pattern="4x1")
    assert sum(int(mask.sum()) for mask in masks.values()) == int(0.2 * N + 0.5)
    assert all(of_each(mask, AXES[name], 1) for name, mask in masks.items())
    assert 0.3 * N - 4 * 4 < sum(int(mask.sum()) for mask in blocks.values()) <= int(0.3 * N + 0.5)
    assert all(is_of_blocks(mask, AXES[name]) for name, mask in blocks.items())
