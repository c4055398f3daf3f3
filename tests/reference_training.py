"""Slow, plain versions of what moves masks: loops over single weights, floats where the package has fractions."""

from collections.abc import Sequence


def cubic_sparsity(step: int, start: int, every: int, updates: int, final: float, initial: float = 0.0) -> float:
    """Equation 1 of Zhu & Gupta 2017, as printed there."""
    return final + (initial - final) * (1 - (step - start) / (updates * every)) ** 3


def largest(sizes: Sequence[float], allowed: Sequence[bool], keep: int) -> list[bool]:
    """Keep the largest of the allowed entries; of equal ones the first."""
    order = sorted((i for i in range(len(sizes)) if allowed[i]), key=lambda i: (-sizes[i], i))
    chosen = set(order[:keep])
    return [i in chosen for i in range(len(sizes))]
