"""How many weights stay, and exactly which: counts from exact decimals, selection with ties in a stated order."""

from collections.abc import Mapping
from fractions import Fraction
from itertools import cycle
from math import ceil, floor
from typing import get_args

import torch
from torch import Tensor

from cellprune.config.request import Scope
from cellprune.errors import CellpruneError, WorkError, unknown

NO_FLOOR = Fraction(0)


def keep_count(n_prunable: int, density: Fraction) -> int:
    """Count the weights that stay: rounded half up, at least one.

    Example:
        >>> keep_count(268_336, Fraction("0.03"))
        8050
    """
    return min(max(floor(density * n_prunable + Fraction(1, 2)), 1), n_prunable)


def select(
    scores: Mapping[str, Tensor],
    keep: int,
    scope: Scope = "global",
    *,
    among: Mapping[str, Tensor] | None = None,
    quotas: Mapping[str, int] | None = None,
    least: Fraction = NO_FLOOR,
    always: Mapping[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """Keep exactly `keep` entries: the largest scores, ties in the order of layers and then of the flat index.

    Args:
        scores: parameter name -> score, larger is kept. -0.0 and 0.0 tie.
        keep: entries to keep in all, 1 <= keep <= number of entries that may be kept.
        scope: "global" ranks all entries together; "layer" gives each tensor its share (largest remainders).
        among: parameter name -> bool tensor, the entries that may be kept; None for all.
        quotas: entries that each tensor keeps, `keep` in all; they take the place of `scope`.
        least: share of each tensor's entries that stays in any case, the best of it: `at_least`, all together no more
            than `keep`.
        always: parameter name -> bool tensor, entries that come before all others; not every parameter has some.
    Returns:
        Parameter name -> bool tensor of the score's shape, True = kept.
    Raises:
        WorkError: a score is NaN or infinite; the message names the layer.
    """
    check_finite(scores)
    if scope not in get_args(Scope):
        raise CellpruneError(unknown("scope", scope, get_args(Scope)))
    scores = ranked(scores, among, least, always)
    if quotas is None and scope == "layer":
        sizes = {name: score.numel() for name, score in scores.items()}
        quotas = layer_quotas(sizes, keep, None if among is None else {n: int(m.sum()) for n, m in among.items()})
    if quotas is None:
        return largest(scores, keep)
    return {name: largest({name: score}, quotas[name])[name] for name, score in scores.items()}


def check_finite(scores: Mapping[str, Tensor]) -> None:
    """Refuse scores that cannot be ranked.

    Raises:
        WorkError: a score is NaN or infinite; the message names the layer.
    """
    for name, score in scores.items():
        if not score.isfinite().all():
            bad = int((~score.isfinite()).sum())
            raise WorkError(
                f"{bad} of {score.numel()} scores of {name!r} are NaN or infinite, so they cannot be ranked: "
                f"check the initialization and the batches, or, with prospr, lower inner_lr"
            )


def ranked(
    scores: Mapping[str, Tensor],
    among: Mapping[str, Tensor] | None,
    least: Fraction,
    always: Mapping[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """Put what may not be kept below every score, so that it loses even to a tie, and what stays anyway above."""
    if among is not None:
        scores = {name: score.masked_fill(~among[name], -torch.inf) for name, score in scores.items()}
    if always:
        scores = {n: score.masked_fill(always[n], torch.inf) if n in always else score for n, score in scores.items()}
    if not least:
        return dict(scores)
    return {
        name: score.masked_fill(largest({name: score}, at_least(score.numel(), least))[name], torch.inf)
        for name, score in scores.items()
    }


def at_least(n: int, least: Fraction) -> int:
    """Count what a layer of n keeps in any case: a share of it, rounded up, so that any share above 0 keeps one."""
    return ceil(least * n)


def layer_quotas(sizes: Mapping[str, int], keep: int, room: Mapping[str, int] | None = None) -> dict[str, int]:
    """Share `keep` among layers by their sizes, so that the sum is exact.

    Args:
        sizes: layer -> number of entries.
        keep: entries to keep in all, at most the sum of the sizes.
        room: layer -> entries that may be kept; None for all of them.
    Returns:
        Layer -> entries to keep, by largest remainders. A small layer may get none.
    """
    return whole_quotas({name: Fraction(keep * n, sum(sizes.values())) for name, n in sizes.items()}, room or sizes)


def whole_quotas(shares: Mapping[str, Fraction], room: Mapping[str, int]) -> dict[str, int]:
    """Round shares to whole numbers of the same sum, by largest remainders; equal ones go to the earlier layer.

    Args:
        shares: layer -> entries it should keep; their sum is whole.
        room: layer -> entries it can keep, at least its share rounded down. Between the rounds of a method a remainder
            may pass to another layer; where a layer has no entry left for it, the next in order takes it.
    """
    quotas = {name: floor(share) for name, share in shares.items()}
    left = int(sum(shares.values())) - sum(quotas.values())
    order = sorted(shares, key=lambda name: quotas[name] - shares[name])  # stable: ties in layer order
    for name in cycle(order):
        if not left:
            return quotas
        if quotas[name] < room[name]:
            quotas[name] += 1
            left -= 1
    return quotas


def largest(scores: Mapping[str, Tensor], keep: int) -> dict[str, Tensor]:
    """Mark exactly the `keep` largest entries, ties in the order of layers and then of the flat index."""
    if keep == 0:
        return {name: torch.zeros_like(score, dtype=torch.bool) for name, score in scores.items()}
    flat = torch.cat([score.flatten() for score in scores.values()])
    # the smallest score that is kept, found by selection: sorting millions of scores would take ten times as long
    threshold = flat.kthvalue(flat.numel() - keep + 1).values
    chosen = flat > threshold
    ties = (flat == threshold).nonzero().squeeze(1)
    chosen[ties[: keep - int(chosen.sum())]] = True
    parts = chosen.split([score.numel() for score in scores.values()])
    return {name: part.view(score.shape).clone() for (name, score), part in zip(scores.items(), parts, strict=True)}
