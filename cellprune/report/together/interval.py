"""The interval of a mean over few values.

Source: Student 1908 (10.1093/biomet/6.1.1).
"""

from collections.abc import Sequence
from statistics import mean, stdev

from scipy.special import stdtrit

CONFIDENCE = 0.95


def interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Give Student's t interval of a mean, at `CONFIDENCE`; None for fewer than two values, which tell no spread."""
    if len(values) < 2:
        return None
    half = float(stdtrit(len(values) - 1, (1 + CONFIDENCE) / 2)) * stdev(values) / len(values) ** 0.5
    return mean(values) - half, mean(values) + half
