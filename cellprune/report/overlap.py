"""What two masks keep in common.

Two masks share some weights by chance alone, more where both keep more of a layer; so each overlap stands beside the
one that random masks with the same density in each layer would have.
"""

from collections.abc import Mapping
from itertools import combinations
from math import prod
from typing import Any

import numpy as np

Masks = Mapping[str, tuple[tuple[int, ...], np.ndarray]]  # weight's name -> its shape, and one bit a weight


def overlaps(runs: Mapping[int, Masks]) -> list[dict[str, Any]]:
    """Give the overlap of each two masks whose names and shapes agree.

    Args:
        runs: number of a run -> its masks.
    Returns:
        One row a pair: "runs", the two numbers; "shared", the weights kept by both as a share of the smaller mask's,
        so that a mask within another has 1; "by_chance", the share to be expected of random masks with the same
        density in each layer. Both None where a mask keeps nothing.
    """
    return [
        {"runs": [one, other], **_overlap(runs[one], runs[other])}
        for one, other in combinations(runs, 2)
        if _shapes(runs[one]) == _shapes(runs[other])
    ]


def _overlap(one: Masks, other: Masks) -> dict[str, float | None]:
    kept = {name: (_kept(one[name][1]), _kept(other[name][1])) for name in one}
    smaller = min(sum(a for a, _ in kept.values()), sum(b for _, b in kept.values()))
    if not smaller:
        return {"shared": None, "by_chance": None}
    shared = sum(_kept(one[name][1] & other[name][1]) for name in one)
    by_chance = sum(a * b / prod(one[name][0]) for name, (a, b) in kept.items())
    return {"shared": shared / smaller, "by_chance": by_chance / smaller}


def _kept(bits: np.ndarray) -> int:
    return int(np.bitwise_count(bits).sum(dtype=np.int64))


def _shapes(masks: Masks) -> dict[str, tuple[int, ...]]:
    return {name: shape for name, (shape, _) in masks.items()}
