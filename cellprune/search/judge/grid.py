"""The ratios that are asked about, fixed before the first training: each keeps 1 / sqrt(2) of what the last one kept.

The grid hangs on ratio 0, not on the range, so that searches over other ranges train the same networks.
"""

import math
from collections.abc import Sequence

from cellprune.errors import CellpruneError

# six digits, as names of runs have; what these cannot tell from the one before, or from all, is none of them
RATIOS = tuple(dict.fromkeys(ratio for step in range(1, 60) if (ratio := round(1 - 2 ** (-step / 2), 6)) < 1))


def grid(low: float, high: float, among: Sequence[float] = RATIOS) -> tuple[float, ...]:
    """Give the ratios between low and high, rising; of those that a method can reach, where it cannot reach all.

    Raises:
        CellpruneError: none lies between; the nearest are named.

    Example:
        >>> grid(0.9, 0.97)
        (0.911612, 0.9375, 0.955806, 0.96875)
    """
    ratios = tuple(ratio for ratio in among if low <= ratio <= high)
    if not ratios:
        below = [f"--low {ratio:g}" for ratio in among if ratio < low][-1:]
        above = [f"--high {ratio:g}" for ratio in among if ratio > high][:1]
        raise CellpruneError(
            f"no ratio of the grid lies between {low:.12g} and {high:.12g}: take {' or '.join(below + above)}"
        )
    return ratios


def beyond(ratio: float, n_steps: int, among: Sequence[float] = RATIOS) -> tuple[float, ...]:
    """Give up to so many ratios above one of the grid, rising; with a negative number those below it.

    Args:
        among: the ratios that a method can reach, rising.

    Example:
        >>> beyond(0.875, -2)
        (0.75, 0.823223)
    """
    if n_steps < 0:
        return tuple(one for one in among if one < ratio)[n_steps:]
    return tuple(one for one in among if one > ratio)[:n_steps]


def most_probes(n_ratios: int) -> int:
    """Give the most ratios that a bisection looks at."""
    return math.ceil(math.log2(n_ratios + 1))
