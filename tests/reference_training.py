"""Slow, plain versions of what moves masks: loops over single weights, floats where the package has fractions."""

import math
from collections.abc import Sequence


def cubic_sparsity(step: int, start: int, every: int, updates: int, final: float, initial: float = 0.0) -> float:
    """Equation 1 of Zhu & Gupta 2017, as printed there."""
    return final + (initial - final) * (1 - (step - start) / (updates * every)) ** 3


def largest(sizes: Sequence[float], allowed: Sequence[bool], keep: int) -> list[bool]:
    """Keep the largest of the allowed entries; of equal ones the first."""
    order = sorted((i for i in range(len(sizes)) if allowed[i]), key=lambda i: (-sizes[i], i))
    chosen = set(order[:keep])
    return [i in chosen for i in range(len(sizes))]


def exchange_count(active: int, step: int, last: int, drop_fraction: float) -> int:
    """How many weights an update of RigL drops and grows in a layer."""
    return math.floor(drop_fraction / 2 * (1 + math.cos(step * math.pi / last)) * active)


def swapped(
    sizes: Sequence[float], mask: Sequence[bool], wanted: Sequence[float], n: int, closed: Sequence[bool] | None = None
) -> list[bool]:
    """Drop the `n` smallest kept entries (of equal ones the last), then grow the `n` most wanted that are free."""
    mask = list(mask)
    for _ in range(n):
        mask[min((i for i in range(len(mask)) if mask[i]), key=lambda i: (sizes[i], -i))] = False
    for _ in range(n):
        free = [i for i in range(len(mask)) if not mask[i] and not (closed and closed[i])]
        mask[max(free, key=lambda i: (wanted[i], -i))] = True
    return mask
