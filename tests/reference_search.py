"""The search's statistics once more, slow and plain: loops over cells, as the definitions are written."""

import math
from collections.abc import Sequence

from scipy.stats import t as student


def mean_squares(table: Sequence[Sequence[float]]) -> tuple[float, float, float]:
    n_frames, n_seeds = len(table), len(table[0])
    mean = sum(sum(row) for row in table) / (n_frames * n_seeds)
    of_frame = [sum(row) / n_seeds for row in table]
    of_seed = [sum(table[f][s] for f in range(n_frames)) / n_frames for s in range(n_seeds)]
    frames = sum((value - mean) ** 2 for value in of_frame for _ in range(n_seeds)) / (n_frames - 1)
    seeds = sum((value - mean) ** 2 for value in of_seed for _ in range(n_frames)) / (n_seeds - 1)
    rest = 0.0
    for f in range(n_frames):
        for s in range(n_seeds):
            rest += (table[f][s] - of_frame[f] - of_seed[s] + mean) ** 2
    return frames, seeds, rest / ((n_frames - 1) * (n_seeds - 1))


def limits(table: Sequence[Sequence[float]], alpha: float) -> tuple[float, float, float]:
    """Give mean, lower and upper limit."""
    n_frames, n_seeds = len(table), len(table[0])
    frames, seeds, rest = mean_squares(table)
    total = max(frames + seeds - rest, frames, seeds)
    below = frames**2 / (n_frames - 1) + seeds**2 / (n_seeds - 1) + rest**2 / ((n_frames - 1) * (n_seeds - 1))
    degrees = max(total**2 / below, min(n_frames, n_seeds) - 1)
    reach = student.ppf(1 - alpha, degrees) * math.sqrt(total / (n_frames * n_seeds))
    mean = sum(sum(row) for row in table) / (n_frames * n_seeds)
    return mean, mean - reach, mean + reach


def holm(p_values: Sequence[float], alpha: float) -> list[bool]:
    """Step down: the smallest against alpha / k, the next against alpha / (k - 1), to the first that is not below."""
    passed = [False] * len(p_values)
    left = sorted(range(len(p_values)), key=lambda k: p_values[k])
    while left and p_values[left[0]] < alpha / len(left):
        passed[left.pop(0)] = True
    return passed
