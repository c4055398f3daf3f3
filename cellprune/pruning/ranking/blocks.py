"""Channels in blocks, so that the width of each layer is a multiple of what a processor computes at once.

The convolutions of all engines work on 8 or 16 channels at a time, so 17 cost as much as 32. Channels that no operation
tells apart form one group: those of a layer, or of all layers that an addition ties together. The best of a group form
its first block, the next ones its second, and so on: for any number of blocks no other grouping keeps a larger sum of
scores. What is left at the end, in a group whose size is no multiple, is a smaller block, which is the first to go.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import gcd

import torch
from torch import Tensor

from cellprune.config.request import RoundTo
from cellprune.errors import CellpruneError
from cellprune.structure.channels import Channels

_USUAL = (16, 8)  # channels of a block, where nothing else is asked: the first that a group has enough for


@dataclass(frozen=True)
class Blocks:
    """Which channels stay or go together.

    Attributes:
        of: (channels,) long, the block of each channel.
        follows: (blocks,) bool, whether a block may stay only where the one before it stays.
    """

    of: Tensor
    follows: Tensor

    def scores(self, scores: Tensor) -> Tensor:
        """Sum the scores of the channels of each block: (blocks,) float64."""
        return torch.zeros(len(self.follows), dtype=torch.float64).index_add_(0, self.of, scores.double())

    def with_any(self, channels: list[int]) -> list[int]:
        """Give the blocks that hold any of these channels."""
        return sorted(set(self.of[channels].tolist()))

    def mark(self, channels: list[int]) -> Tensor:
        """Mark the blocks that hold any of these channels: (blocks,) bool."""
        return torch.zeros(len(self.follows), dtype=torch.bool).index_fill(0, self.of[channels], True)


def in_blocks(channels: Channels, scores: Tensor, round_to: RoundTo) -> Blocks:
    """Form blocks of the channels that go best together.

    Args:
        channels: what there is.
        scores: (channels.count,), larger is kept; of a tie the earlier channel is in the earlier block.
        round_to: channels of a layer that a block holds. "auto" takes 16, or 8 in layers of fewer than 16, and single
            channels in layers of fewer than 8. Where a channel holds several positions of its layer, as with a group
            norm, a block has as many as make a multiple.
    Raises:
        CellpruneError: a layer has fewer channels than one block.
    """
    if round_to == 1:
        return Blocks(torch.arange(channels.count), torch.zeros(channels.count, dtype=torch.bool))
    of, follows = torch.empty(channels.count, dtype=torch.long), list[bool]()
    parts = [*_groups(channels)]
    if round_to != "auto":
        _refuse_more_than_a_layer(parts, round_to)
    for group, width, _ in parts:
        size = _size(len(group), width, round_to)
        best = group[scores[group].argsort(descending=True, stable=True)]
        for first, last in pairwise([*range(0, len(best), size), len(best)]):
            of[best[first:last]] = len(follows)
            follows.append(first > 0)
    return Blocks(of, torch.tensor(follows))


def in_order(rank: Tensor, follows: Tensor) -> Tensor:
    """Let no block rank above one that it follows; (blocks,) both."""
    lowered = rank.clone()
    for block in follows.nonzero().squeeze(1).tolist():
        lowered[block] = torch.minimum(lowered[block], lowered[block - 1])
    return lowered


def groups(channels: Channels) -> Tensor:
    """Part the channels by what they touch: (channels,) long, the number of each channel's group."""
    _, group_of = torch.unique(torch.stack([*_holds(channels).values()]), dim=1, return_inverse=True)
    return group_of


def _holds(channels: Channels) -> dict[tuple[str, int], Tensor]:
    """Give parameter and axis -> (channels,) long, how many of its positions each channel holds."""
    return {(name, axis): torch.bincount(at[at >= 0], minlength=channels.count)
            for name, axes in channels.of.items() for axis, at in axes.items()}  # fmt: skip


def _groups(channels: Channels) -> Iterator[tuple[Tensor, int, str]]:
    """Go through the groups.

    Yields:
        Channels of a group in order, how many positions each holds of a layer that makes it, and the name of the first
        such layer.
    """
    holds, group_of = _holds(channels), groups(channels)
    for number in dict.fromkeys(group_of.tolist()):
        group = (group_of == number).nonzero().squeeze(1)
        makers = {name: held for name, axis in channels.outputs.items()
                  if (name, axis) in holds and (held := int(holds[name, axis][group[0]]))}  # fmt: skip
        yield group, gcd(*makers.values()), next(iter(makers))


def _size(count: int, width: int, round_to: RoundTo) -> int:
    """Give how many channels of a group form a block."""
    number = round_to if round_to != "auto" else next((usual for usual in _USUAL if usual <= count * width), 1)
    return number // gcd(number, width)


def _refuse_more_than_a_layer(parts: Sequence[tuple[Tensor, int, str]], round_to: int) -> None:
    group, width, layer = min(parts, key=lambda part: len(part[0]) * part[1])
    if round_to > (most := len(group) * width):
        raise CellpruneError(
            f"round_to={round_to} is more than the {most} channels of {layer!r} that may go: give at most {most}, "
            f"1 for single channels, or 'auto'"
        )
