"""Blocks of channels: the grouping that keeps the largest sum of scores, whatever is asked to stay."""

from functools import cache
from itertools import combinations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cellprune.errors import CellpruneError
from cellprune.models import build, resnet
from cellprune.pruning.ranking.blocks import in_blocks, in_order
from cellprune.structure.channels import Channels
from cellprune.structure.trace import find


@cache
def layer_of(n_channels: int) -> Channels:
    return find(nn.Sequential(nn.Conv2d(1, n_channels, 1), nn.Conv2d(n_channels, 2, 1)), torch.randn(1, 1, 4, 4))


def sizes(of: torch.Tensor) -> list[int]:
    return torch.bincount(of).tolist()


few_values = st.sampled_from([-1.0, 0.0, 0.5, 2.0, 3.0])  # few, so that ties abound


@settings(deadline=None, max_examples=40)
@given(st.lists(few_values, min_size=2, max_size=9), st.integers(2, 4))
def test_no_grouping_keeps_a_larger_sum(values: list[float], round_to: int) -> None:
    round_to = min(round_to, len(values))
    scores = torch.tensor(values)
    blocks = in_blocks(layer_of(len(values)), scores, round_to)
    assert sizes(blocks.of)[:-1] == [round_to] * (len(blocks.follows) - 1)
    assert 0 < sizes(blocks.of)[-1] <= round_to
    for n_blocks in range(1, len(blocks.follows) + 1):
        kept = blocks.of < n_blocks
        best = max(sum(chosen) for chosen in combinations(values, int(kept.sum())))
        assert float(blocks.scores(scores)[:n_blocks].sum()) == pytest.approx(best)
    again = in_blocks(layer_of(len(values)), scores, round_to)
    assert torch.equal(blocks.of, again.of)


def test_of_a_tie_the_earlier_channel_is_in_the_earlier_block() -> None:
    blocks = in_blocks(layer_of(5), torch.tensor([1.0, 2.0, 1.0, 1.0, 2.0]), 2)
    assert blocks.of.tolist() == [1, 0, 1, 2, 0]
    assert blocks.follows.tolist() == [False, True, True]
    assert blocks.with_any([3, 1]) == [0, 2]


def test_single_channels_are_in_their_own_order_and_follow_nothing() -> None:
    blocks = in_blocks(layer_of(5), torch.rand(5), 1)
    assert blocks.of.tolist() == [0, 1, 2, 3, 4]
    assert not blocks.follows.any()


@pytest.mark.parametrize(
    ("n_channels", "expected"),
    [(5, [1] * 5), (8, [8]), (12, [8, 4]), (16, [16]), (40, [16, 16, 8])],
)
def test_by_itself_a_block_is_of_16_or_8_or_1(n_channels: int, expected: list[int]) -> None:
    assert sizes(in_blocks(layer_of(n_channels), torch.rand(n_channels), "auto").of) == expected


def test_channels_that_an_addition_ties_form_blocks_together() -> None:
    model = resnet.build(width=8, classes=3)
    channels = find(model, torch.randn(2, 3, 8, 8))
    kept = in_blocks(channels, torch.rand(channels.count), 4).of % 2 == 0
    masks = channels.masks(kept, {name: p.shape for name, p in model.named_parameters()})
    for name in channels.outputs:
        if name in masks:
            assert int(masks[name].flatten(1).any(1).sum()) % 4 == 0


def test_a_group_norm_makes_blocks_of_whole_groups() -> None:
    model = build({"name": "unet", "width": 16, "depth": 1, "norm": "group"})  # eight groups of 2 and of 4 channels
    channels = find(model, torch.randn(1, 1, 8, 8))
    assert set(sizes(in_blocks(channels, torch.rand(channels.count), 8).of)) == {4, 2, 8}, "grow.0 has no norm"


@pytest.mark.parametrize("round_to", [3, 16])
def test_more_than_a_layer_is_refused_by_its_name(round_to: int) -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 1), nn.Conv2d(4, 2, 1), nn.Conv2d(2, 1, 1))
    channels = find(model, torch.randn(1, 1, 4, 4))
    with pytest.raises(
        CellpruneError, match=rf"round_to={round_to} is more than the 2 channels of '1.weight' that may"
    ):
        in_blocks(channels, torch.rand(6), round_to)


def test_no_block_ranks_above_one_that_it_follows() -> None:
    follows = torch.tensor([False, True, True, False, True])
    assert in_order(torch.tensor([3.0, 1.0, 2.0, 1.0, 5.0]), follows).tolist() == [3, 1, 1, 1, 1]
