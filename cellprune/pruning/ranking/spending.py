"""Which channels, or blocks of them, stay within a budget: score per cost, then refill.

A price depends on what else is kept: `static` prices each unit once, in the dense network, `marginal` anew after each
removal.
"""

from fractions import Fraction

import torch
from torch import Tensor

from cellprune.config.request import Pricing
from cellprune.pruning.ranking.blocks import in_order
from cellprune.pruning.ranking.prices import Price


def within(
    prices: Price,
    scores: Tensor,
    share: Fraction,
    stays: list[int],
    pricing: Pricing = "static",
    *,
    cost: Price | None = None,
    follows: Tensor | None = None,
    gone: Tensor | None = None,
) -> tuple[Tensor, int, int]:
    """Remove the lowest scores per cost until the budget holds, then put back what still fits, the highest first.

    Args:
        prices: what units cost.
        scores: (count,), larger is kept; of a tie the earlier unit stays.
        share: of the dense network's cost that may stay.
        stays: units that never go; together they are within the budget.
        pricing: "static" or "marginal".
        cost: what scores are divided by; None for the prices themselves.
        follows: (count,) bool, whether a unit may stay only where the one before it stays; None for none.
        gone: (count,) bool, units that may not stay; None for none.
    Returns:
        (count,) bool, what is allowed and what is spent. No removed unit that may stay fits into what is left.
    """
    whole = torch.ones(prices.count, dtype=torch.bool)
    follows = torch.zeros_like(whole) if follows is None else follows
    gone = torch.zeros_like(whole) if gone is None else gone
    kept, least = ~gone, torch.zeros_like(whole)
    least[stays] = True
    dense = prices.total(whole)
    allowed = int(share * dense)
    assert prices.total(least) <= allowed
    cost = prices if cost is None else cost
    paid = cost.each(whole)
    rank = in_order(scores / paid.clamp(min=1), follows).masked_fill(least | gone, torch.inf)
    spent = prices.total(kept)
    order = iter(rank.flip(0).argsort(stable=True).tolist())  # from the back, so that of a tie the earlier stays
    while spent > allowed:
        if pricing == "marginal":
            rank = in_order(scores / cost.each(kept).clamp(min=1), follows).masked_fill(least | ~kept, torch.inf)
            goes = len(rank) - 1 - int(rank.flip(0).argmin())
        else:
            goes = len(rank) - 1 - next(order)
        kept[goes] = False
        spent -= prices.added(kept, goes)
    if pricing == "marginal":
        paid = torch.tensor([cost.added(kept, unit) for unit in range(len(kept))])
    for back in in_order(scores / paid.clamp(min=1), follows).argsort(descending=True, stable=True).tolist():
        is_next = not kept[back] and not gone[back] and (not follows[back] or bool(kept[back - 1]))
        if is_next and spent + (more := prices.added(kept, back)) <= allowed:
            kept[back] = True
            spent += more
    return kept, allowed, spent
