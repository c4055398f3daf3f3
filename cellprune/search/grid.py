"""The ratios that are asked about, fixed before the first training: each keeps 1 / sqrt(2) of what the last one kept.

The grid hangs on ratio 0, not on the range, so that searches over other ranges train the same networks.
"""

import math

from cellprune.errors import CellpruneError


def grid(low: float, high: float) -> tuple[float, ...]:
    """Give the ratios between low and high, rising.

    Raises:
        CellpruneError: none lies between; the nearest are named.

    Example:
        >>> grid(0.9, 0.97)
        (0.911612, 0.9375, 0.955806, 0.96875)
    """
    ratios = tuple(ratio for ratio in map(_ratio, range(1, 60)) if low <= ratio <= high)
    if not ratios:
        below, above = (_ratio(step) for step in _around(low))
        raise CellpruneError(
            f"no ratio of the grid lies between {low:g} and {high:g}: take --low {below:g} or --high {above:g}"
        )
    return ratios


def most_probes(n_ratios: int) -> int:
    """Give the most ratios that a bisection looks at."""
    return math.ceil(math.log2(n_ratios + 1))


def _ratio(step: int) -> float:
    return round(1 - 2 ** (-step / 2), 6)  # six digits, as names of runs have


def _around(ratio: float) -> tuple[int, int]:
    step = -2 * math.log2(1 - ratio)
    return max(1, math.floor(step)), max(1, math.ceil(step))
