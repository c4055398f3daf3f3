"""What channels cost, and which stay within a budget of parameters or multiply-adds: score per cost, then refill.

A channel costs everything that goes with it: the rows that make it, its bias and norm parameters, and the columns that
read it. As a row and a column cross, that depends on what else is kept: `static` prices each channel once, in the dense
network, `marginal` anew after each removal.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Literal

import torch
from torch import Tensor, nn

from cellprune.errors import CellpruneError
from cellprune.structure.channels import Channels

Pricing = Literal["static", "marginal"]


@dataclass
class Prices:
    """Counts what the kept channels cost, and what one more or one less would.

    Attributes:
        channels: all there are.
        fixed: what costs the same whatever is kept.
        parts: for each parameter that channels touch: cost of one of its entries beside those axes, size of up to two
            such axes, and (count,) how many positions of each a channel holds.
    """

    channels: Channels
    fixed: int
    parts: list[tuple[int, list[int], list[Tensor]]]

    @classmethod
    def of(cls, model: nn.Module, channels: Channels, uses: Mapping[str, int]) -> "Prices":
        """Price the channels.

        Args:
            model: the network.
            channels: those that may go.
            uses: parameter name -> cost of one entry; a parameter that is not in it costs nothing.
        """
        fixed, parts = 0, []
        for name, parameter in model.named_parameters():
            if not (use := uses.get(name, 0)):
                continue
            axes = channels.of.get(name)
            if not axes:
                fixed += use * parameter.numel()
                continue
            beside = prod(size for axis, size in enumerate(parameter.shape) if axis not in axes)
            holds = [torch.bincount(found[found >= 0], minlength=channels.count) for found in axes.values()]
            parts.append((use * beside, [parameter.shape[axis] for axis in axes], holds))
        return cls(channels, fixed, parts)

    def total(self, kept: Tensor) -> int:
        """Give what the network costs with these channels: (count,) bool."""
        return self.fixed + sum(use * prod(self._left(sizes, holds, kept)) for use, sizes, holds in self.parts)

    def each(self, kept: Tensor) -> Tensor:
        """Give what each kept channel would save, were it the next to go: (count,) long."""
        saved = torch.zeros(self.channels.count, dtype=torch.long)
        for use, sizes, holds in self.parts:
            left = self._left(sizes, holds, kept)
            without = torch.stack([n - held for n, held in zip(left, holds, strict=True)]).prod(0)
            saved += use * (prod(left) - without)
        return saved

    def added(self, kept: Tensor, channel: int) -> int:
        """Give what one more channel would cost."""
        more = 0
        for use, sizes, holds in self.parts:
            if any(int(held[channel]) for held in holds):
                left = self._left(sizes, holds, kept)
                more += use * (prod(n + int(held[channel]) for n, held in zip(left, holds, strict=True)) - prod(left))
        return more

    @staticmethod
    def _left(sizes: list[int], holds: list[Tensor], kept: Tensor) -> list[int]:
        return [size - int(held[~kept].sum()) for size, held in zip(sizes, holds, strict=True)]


def within(
    prices: Prices, scores: Tensor, share: Fraction, stays: list[int], pricing: Pricing = "static"
) -> tuple[Tensor, int, int]:
    """Remove the lowest scores per cost until the budget holds, then put back what still fits, the highest first.

    Args:
        prices: what channels cost.
        scores: (count,), 0 or more; ties go to the earlier channel.
        share: of the dense network's cost that may stay.
        stays: channels that never go.
        pricing: "static" or "marginal".
    Returns:
        (count,) bool, what is allowed and what is spent. No removed channel fits into what is left.
    Raises:
        CellpruneError: the channels that never go cost more than the budget.
    """
    kept = torch.ones(prices.channels.count, dtype=torch.bool)
    least = torch.zeros_like(kept)
    least[stays] = True
    dense = prices.total(kept)
    allowed = int(share * dense)
    if prices.total(least) > allowed:
        raise CellpruneError(
            f"one channel in each layer, and what cannot go, cost {prices.total(least) / dense:.4g} of the dense "
            f"network: give a budget of at least that, not {float(share):g}"
        )
    cost = prices.each(kept)
    rank = (scores / cost.clamp(min=1)).masked_fill(least, torch.inf)
    spent = dense
    order = iter(rank.flip(0).argsort(stable=True).tolist())  # from the back, so that of a tie the earlier stays
    while spent > allowed:
        if pricing == "marginal":
            rank = (scores / prices.each(kept).clamp(min=1)).masked_fill(least | ~kept, torch.inf)
            goes = len(rank) - 1 - int(rank.flip(0).argmin())
        else:
            goes = len(rank) - 1 - next(order)
        kept[goes] = False
        spent -= prices.added(kept, goes)
    rank = scores / (cost if pricing == "static" else torch.tensor([prices.added(kept, i) for i in range(len(kept))]))
    for back in rank.argsort(descending=True, stable=True).tolist():
        if not kept[back] and spent + (more := prices.added(kept, back)) <= allowed:
            kept[back] = True
            spent += more
    return kept, allowed, spent
