"""How many weights stay, and exactly which: counts from exact decimals, selection with ties in a stated order."""

from collections.abc import Mapping
from fractions import Fraction
from math import floor
from typing import Literal

import torch
from torch import Tensor

from cellprune.errors import CellpruneError, WorkError, unknown

Scope = Literal["global", "layer"]


def density(sparsity: float | None, budget: Mapping[str, float] | None) -> Fraction:
    """Settle the share of weights that stays from the one of the two that is given.

    Args:
        sparsity: share removed, 0 <= sparsity < 1.
        budget: {"params": share kept}, 0 < share <= 1.
    Returns:
        The share kept, exact in the decimal digits as written: 0.97 removed is 3/100 kept.
    Raises:
        CellpruneError: none or both are given, or a value is out of range (97 is asked back as 0.97).
    """
    if (sparsity is None) == (budget is None):
        raise CellpruneError(
            f"prune() takes exactly one of sparsity (share removed) and budget (share kept), not "
            f"{'none' if sparsity is None else 'both'}"
        )
    if budget is None:
        removed = _share("sparsity", sparsity)
        if not 0 <= removed < 1:
            raise CellpruneError(
                f"sparsity {sparsity!r} is not a share removed, 0 <= sparsity < 1{_percent(removed, 'sparsity')}"
            )
        return 1 - removed
    if set(budget) != {"params"}:
        raise CellpruneError(unknown("budget unit", ", ".join(map(str, budget)) or "(none)", ["params"], "budget"))
    kept = _share("budget params", budget["params"])
    if not 0 < kept <= 1:
        raise CellpruneError(
            f"budget params={budget['params']!r} is not a share kept, 0 < share <= 1{_percent(kept, 'budget')}"
        )
    return kept


def keep_count(n_prunable: int, density: Fraction) -> int:
    """Count the weights that stay: rounded half up, at least one.

    Example:
        >>> keep_count(268_336, Fraction("0.03"))
        8050
    """
    return min(max(floor(density * n_prunable + Fraction(1, 2)), 1), n_prunable)


def select(scores: Mapping[str, Tensor], keep: int, scope: Scope = "global") -> dict[str, Tensor]:
    """Keep exactly `keep` entries: the largest scores, ties in the order of layers and then of the flat index.

    Args:
        scores: parameter name -> score, larger is kept. -0.0 and 0.0 tie.
        keep: entries to keep in all, 1 <= keep <= number of entries.
        scope: "global" ranks all entries together; "layer" gives each tensor its share (largest remainders).
    Returns:
        Parameter name -> bool tensor of the score's shape, True = kept.
    Raises:
        WorkError: a score is NaN or infinite; the message names the layer.
    """
    for name, score in scores.items():
        if not score.isfinite().all():
            bad = int((~score.isfinite()).sum())
            raise WorkError(
                f"{bad} of {score.numel()} scores of {name!r} are NaN or infinite, so they cannot be ranked: "
                f"check the initialization and the batches, or lower the learning rate of the inner steps"
            )
    if scope == "layer":
        quotas = layer_quotas({name: score.numel() for name, score in scores.items()}, keep)
        return {name: _largest({name: score}, quotas[name])[name] for name, score in scores.items()}
    if scope != "global":
        raise CellpruneError(unknown("scope", scope, ["global", "layer"]))
    return _largest(scores, keep)


def layer_quotas(sizes: Mapping[str, int], keep: int) -> dict[str, int]:
    """Share `keep` among layers by their sizes, by largest remainders, so that the sum is exact.

    Args:
        sizes: layer -> number of entries.
        keep: entries to keep in all, at most the sum of the sizes.
    Returns:
        Layer -> entries to keep; equal remainders go to the earlier layer. A small layer may get none.
    """
    shares = {name: Fraction(keep * size, sum(sizes.values())) for name, size in sizes.items()}
    quotas = {name: floor(share) for name, share in shares.items()}
    left = keep - sum(quotas.values())
    for name in sorted(shares, key=lambda name: quotas[name] - shares[name])[:left]:  # stable: ties in layer order
        quotas[name] += 1
    return quotas


def _largest(scores: Mapping[str, Tensor], keep: int) -> dict[str, Tensor]:
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


def _share(name: str, value: object) -> Fraction:
    try:
        # through the shortest decimal that gives this float, so that 0.97 means 97/100 and not its binary neighbour
        return Fraction(repr(float(value)))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise CellpruneError(f"{name} {value!r} is not a number") from None


def _percent(share: Fraction, name: str) -> str:
    return f": did you mean {float(share / 100):g}?" if 1 < share < 100 else ""
