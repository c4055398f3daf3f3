"""How often a confirmation shows a true loss of zero: said before a search starts, because nothing mends it afterwards.

A table of differences between two networks that are alike has a mean of zero and three spreads: between frames, between
seeds, and of the rest. Of such tables with normal differences only the mean and the three mean squares matter for the
test, and these are independent, so they are drawn without the table.

Source: Scheffé, The Analysis of Variance, 1959, section 7.4, for the two-way table with random effects.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from cellprune.evaluation.decide import FEWEST_SEEDS, limits_of, mean_squares

ENOUGH = 0.8  # of searches that show it
_N_TABLES, _MOST_SEEDS = 2000, 200


@dataclass(frozen=True)
class Spread:
    """Standard deviations of the paired differences: between frames, between seeds, and of the rest."""

    frames: float
    seeds: float
    rest: float


ASSUMED = {  # by what is scored; an image is right or wrong, so accuracy differs by a whole one or not at all
    "IoU": Spread(0.008, 0.007, 0.008),
    "accuracy": Spread(0.14, 0.004, 0.25),
    # of cells, a frame has few: rounded from small networks of one seed, on U373 and HeLa, that differ in their method
    "SEG": Spread(0.03, 0.007, 0.05),
    "AP at IoU 0.5": Spread(0.1, 0.02, 0.11),
}


def spread_of(differences: ArrayLike) -> Spread:
    """Estimate the spreads from an (F, S) table of at least two frames and two seeds."""
    table = np.asarray(differences, dtype=np.float64)
    frames, seeds, rest = mean_squares(table)
    n_frames, n_seeds = table.shape
    variances = max(0.0, (frames - rest) / n_seeds), max(0.0, (seeds - rest) / n_frames), rest
    return Spread(*(float(np.sqrt(variance)) for variance in variances))


def power(
    n_frames: int, n_seeds: int, spread: Spread, *, margin: float, alpha: float, n_tables: int = _N_TABLES
) -> float:
    """Give the share of simulated tables without a loss that the test shows to be not worse by the margin."""
    rng = np.random.default_rng([n_frames, n_seeds])
    of_frames, of_seeds, rest = spread.frames**2, spread.seeds**2, spread.rest**2
    expected = n_seeds * of_frames + rest, n_frames * of_seeds + rest, rest
    degrees = n_frames - 1, n_seeds - 1, (n_frames - 1) * (n_seeds - 1)
    squares = [value * rng.chisquare(n, n_tables) / n for value, n in zip(expected, degrees, strict=True)]
    variance = of_frames / n_frames + of_seeds / n_seeds + rest / (n_frames * n_seeds)
    means = np.sqrt(variance) * rng.standard_normal(n_tables)
    tables = zip(means.tolist(), *(values.tolist() for values in squares), strict=True)
    lower = [limits_of(mean, (f, s, r), n_frames, n_seeds, alpha)[0] for mean, f, s, r in tables]
    return float(np.mean(np.array(lower) > -margin))


def fewest_seeds(n_frames: int, spread: Spread, *, margin: float, alpha: float) -> int | None:
    """Give the fewest seeds with which enough searches show no loss; None where frames are what is missing."""
    low, high = FEWEST_SEEDS - 1, _MOST_SEEDS
    if power(n_frames, high, spread, margin=margin, alpha=alpha) < ENOUGH:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        enough = power(n_frames, middle, spread, margin=margin, alpha=alpha) >= ENOUGH
        low, high = (low, middle) if enough else (middle, high)
    return high
