"""What units cost, and which stay within a budget of parameters or multiply-adds: score per cost, then refill.

A single weight costs the multiply-adds it carries, whatever else is kept. A channel costs everything that goes with it:
the rows that make it, its bias and norm parameters, and the columns that read it. As a row and a column cross, that
depends on what else is kept: `static` prices each channel once, in the dense network, `marginal` anew after each
removal.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import prod

import torch
from torch import Tensor, nn

from cellprune.config.request import Pricing
from cellprune.errors import CellpruneError, TooMuchError
from cellprune.pruning.kinds import Nested
from cellprune.pruning.ranking.budget import NO_FLOOR, check_finite, largest, ranked
from cellprune.structure.channels import Channels
from cellprune.structure.cost import positions_per_weight

_FEW = 100_000  # scores that are sorted at once


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
            holds = [torch.bincount(at[at >= 0], minlength=channels.count) for at in axes.values()]
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


def affordable(
    model: nn.Module, inputs: Nested, weights: Mapping[str, Tensor], share: Fraction
) -> tuple[dict[str, int], int, int]:
    """Price single weights in multiply-adds, and give what a share of the network's leaves for those that may go.

    Args:
        model: the network.
        inputs: one batch of what it takes; multiply-adds are counted at its size.
        weights: those that may go; all others stay and are paid for.
        share: of the dense network's multiply-adds that may stay.
    Returns:
        Parameter name -> cost of one entry; what all entries cost together; how much of that may stay.
    Raises:
        TooMuchError: that is nothing.
        CellpruneError: inputs are no tensor.
    """
    uses = macs_of_each(model, inputs)
    dense = sum(uses[name] * p.numel() for name, p in model.named_parameters() if name in uses)
    prices = {name: uses[name] for name in weights}
    total = sum(prices[name] * weight.numel() for name, weight in weights.items())
    allowed = int(share * dense) - (dense - total)
    if allowed < min((price for price in prices.values() if price), default=dense + 1):
        raise TooMuchError(
            f"{float(share):g} of the multiply-adds pay for no weight, beside {(dense - total) / dense:.4g} for those "
            f"that stay whole: give a larger budget"
        )
    return prices, total, allowed


def select_within(
    scores: Mapping[str, Tensor],
    prices: Mapping[str, int],
    allowed: int,
    *,
    among: Mapping[str, Tensor] | None = None,
    least: Fraction = NO_FLOOR,
) -> dict[str, Tensor]:
    """Keep the weights of the largest scores per cost that a budget pays for, then what still fits, the best first.

    Args:
        scores: parameter name -> score, larger is kept; a negative one is divided like any other. Ties of score per
            cost go in the order of layers and then of the flat index.
        prices: parameter name -> what each of its entries costs; where that is nothing, all stay.
        allowed: what may be spent, on `least` at least.
        among: parameter name -> bool tensor, the entries that may be kept; None for all.
        least: share of each tensor's entries that stays in any case, the best of it: `budget.at_least`.
    Returns:
        Parameter name -> bool tensor of the score's shape, True = kept. No removed entry fits into what is left.
    Raises:
        WorkError: a score is NaN or infinite; the message names the layer.
    """
    check_finite(scores)
    per_cost = {name: score.double() / max(1, prices[name]) for name, score in scores.items()}
    free = {name: score if prices[name] else torch.full_like(score, torch.inf) for name, score in per_cost.items()}
    sizes = [score.numel() for score in scores.values()]
    rank = torch.cat([score.flatten().cpu() for score in ranked(free, among, least).values()])
    price = torch.tensor([prices[name] for name in scores]).repeat_interleave(torch.tensor(sizes))
    chosen = _first_that_fit(rank, price, allowed)
    left = allowed - int(price[chosen].sum())
    # of a layer no more than left // price can follow, so these are all there is to look at
    removed = dict(zip(scores, rank.masked_fill(chosen, -torch.inf).split(sizes), strict=True))
    follow = {name: min(left // prices[name], int((r > -torch.inf).sum())) if prices[name] else 0
              for name, r in removed.items()}  # fmt: skip
    near = torch.cat([largest({name: r}, follow[name])[name] for name, r in removed.items()]).nonzero().squeeze(1)
    for entry in near[rank[near].argsort(descending=True, stable=True)].tolist():
        if (one := int(price[entry])) <= left:
            chosen[entry] = True
            left -= one
    return {
        name: part.view(score.shape).to(score.device)
        for (name, score), part in zip(scores.items(), chosen.split(sizes), strict=True)
    }


def _first_that_fit(rank: Tensor, price: Tensor, allowed: int) -> Tensor:
    """Mark the entries of the highest rank, one after the other, up to the first that costs more than is left."""
    chosen = torch.zeros_like(rank, dtype=torch.bool)
    window = (rank > -torch.inf).nonzero().squeeze(1)
    while len(window) > _FEW:  # halve it before it is sorted: sorting millions of scores would take ten times as long
        is_above = rank[window] > rank[window].median()
        cost = int(price[window[is_above]].sum())
        if not cost:
            break  # all that is left ties
        if cost > allowed:
            window = window[is_above]
            continue
        chosen[window[is_above]] = True
        allowed -= cost
        window = window[~is_above]
    order = window[rank[window].argsort(descending=True, stable=True)]
    chosen[order[price[order].cumsum(0) <= allowed]] = True
    return chosen


def macs_of_each(model: nn.Module, inputs: Nested) -> dict[str, int]:
    """Give the multiply-adds that a single entry of each weight carries, on one sample of these inputs.

    Raises:
        CellpruneError: the inputs are no tensor, so that no sample's shape is known.
    """
    if not isinstance(inputs, Tensor):
        raise CellpruneError("a budget in macs needs inputs that are one tensor: give a budget in params")
    return positions_per_weight(model, inputs.shape[1:])


def within(
    prices: Prices,
    scores: Tensor,
    share: Fraction,
    stays: list[int],
    pricing: Pricing = "static",
    why: str = "what stays in any case costs",
) -> tuple[Tensor, int, int]:
    """Remove the lowest scores per cost until the budget holds, then put back what still fits, the highest first.

    Args:
        prices: what channels cost.
        scores: (count,), larger is kept; of a tie the earlier channel stays.
        share: of the dense network's cost that may stay.
        stays: channels that never go.
        pricing: "static" or "marginal".
        why: begins the sentence that refuses a budget below the cost of `stays`.
    Returns:
        (count,) bool, what is allowed and what is spent. No removed channel fits into what is left.
    Raises:
        TooMuchError: the channels that never go cost more than the budget.
    """
    kept = torch.ones(prices.channels.count, dtype=torch.bool)
    least = torch.zeros_like(kept)
    least[stays] = True
    dense = prices.total(kept)
    allowed = int(share * dense)
    if prices.total(least) > allowed:
        raise TooMuchError(
            f"{why}, with all that cannot go, {prices.total(least) / dense:.4g} of the dense network: give a budget "
            f"above that, not {float(share):g}"
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
