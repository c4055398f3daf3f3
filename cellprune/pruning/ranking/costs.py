"""What single weights cost in multiply-adds, and which stay within a budget of them: score per cost, then refill.

A single weight costs the multiply-adds it carries, whatever else is kept; of channels see `prices`.
"""

from collections.abc import Mapping
from fractions import Fraction

import torch
from torch import Tensor, nn

from cellprune.errors import CellpruneError, TooMuchError
from cellprune.pruning.kinds import Nested
from cellprune.pruning.ranking.budget import NO_FLOOR, check_finite, largest, ranked
from cellprune.structure.cost import positions_per_weight

_FEW = 100_000  # scores that are sorted at once


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
    return positions_per_weight(model, sample_size(inputs))


def sample_size(inputs: Nested) -> torch.Size:
    """Give the shape of one sample.

    Raises:
        CellpruneError: the inputs are no tensor.
    """
    if not isinstance(inputs, Tensor):
        raise CellpruneError("macs, memory and latency need inputs that are one tensor: count params")
    return inputs.shape[1:]
