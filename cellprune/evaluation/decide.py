"""Is the pruned network not worse? The decision from a complete table of paired differences, frames by seeds.

Frames and seeds both vary by chance, and both are few. The variance of the mean difference is therefore taken from the
two-way table, and Student's t has Satterthwaite's degrees of freedom. A bootstrap over images alone calls a network
that is worse by the margin "not worse" in 17 to 24 % of such tables at a nominal 5 %, one over both in 7 to 10 %.

Source: Satterthwaite 1946 (10.2307/3002019) for the degrees of freedom; Holm 1979 for several claims.
Note: with MSf + MSs - MSe as the variance an unlucky table could have one below that of its frames or its seeds alone,
so the largest of the three counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit
from scipy.stats import t as student

from cellprune.errors import CellpruneError

Verdict = Literal["not worse", "worse", "undecided"]
FEWEST_FRAMES, FEWEST_SEEDS = 5, 3
_POWER = 0.8  # with which a true loss of zero is to be shown, for "what it would take"
_MOST_SEEDS = 1000  # beyond that, seeds are not what is missing


@dataclass(frozen=True)
class Decision:
    """What a table of differences says about one ratio.

    Attributes:
        mean: pruned minus unpruned, over all cells of the table.
        lower, upper: one-sided limits of the true mean, each at `alpha`.
        p_value: of a difference as good as this if the true loss were the margin.
        smallest_margin: `not worse` holds for every margin above it.
    """

    verdict: Verdict
    mean: float
    lower: float
    upper: float
    p_value: float
    standard_error: float
    degrees_of_freedom: float
    n_frames: int
    n_seeds: int
    margin: float
    alpha: float
    smallest_margin: float


class TooFewError(CellpruneError):
    """A table from which nothing can be decided."""


def decide(differences: ArrayLike, *, margin: float, alpha: float) -> Decision:
    """Tell whether a network is worse than its reference by less than the margin.

    Args:
        differences: (F, S) float, score of the pruned minus that of the unpruned network, the same frame and seed.
        margin: the largest loss that is no loss, above 0, in units of the score.
        alpha: probability of a false verdict, for each side.
    Raises:
        TooFewError: fewer than five frames or three seeds.
        ValueError: a cell of the table is missing (NaN), or the table has another shape.
    """
    table = _checked(differences)
    n_frames, n_seeds = table.shape
    if n_frames < FEWEST_FRAMES or n_seeds < FEWEST_SEEDS:
        raise TooFewError(
            f"{n_frames} frames and {n_seeds} seeds decide nothing: "
            f"it takes at least {FEWEST_FRAMES} frames and {FEWEST_SEEDS} seeds"
        )
    mean, squares = float(table.mean()), mean_squares(table)
    error, degrees = _error_of_mean(squares, n_frames, n_seeds)
    lower, upper = limits_of(mean, squares, n_frames, n_seeds, alpha)
    return Decision(
        verdict="not worse" if lower > -margin else "worse" if upper < -margin else "undecided",
        mean=mean,
        lower=lower,
        upper=upper,
        p_value=float(student.sf((mean + margin) / error, degrees)) if error > 0 else float(mean <= -margin),
        standard_error=error,
        degrees_of_freedom=degrees,
        n_frames=n_frames,
        n_seeds=n_seeds,
        margin=margin,
        alpha=alpha,
        smallest_margin=max(0.0, -lower),
    )


def seeds_needed(differences: ArrayLike, *, margin: float, alpha: float) -> int | None:
    """Tell how many seeds on as many frames would show a true loss of zero with probability 0.8.

    The fewest with (t(1 - alpha) + t(0.8)) standard errors within the margin, as far as this table's spread tells.

    Returns:
        None where no number of seeds is enough: then it takes more frames.
    """
    table = _checked(differences)
    frames, seeds, rest = mean_squares(table)
    n_frames, n_seeds = table.shape
    of_frames, of_seeds = max(0.0, (frames - rest) / n_seeds), max(0.0, (seeds - rest) / n_frames)  # variances
    for n in range(FEWEST_SEEDS, _MOST_SEEDS + 1):
        expected = (rest + n * of_frames, rest + n_frames * of_seeds, rest)
        error, degrees = _error_of_mean(expected, n_frames, n)
        if (float(student.ppf(1 - alpha, degrees)) + float(student.ppf(_POWER, degrees))) * error <= margin:
            return n
    return None


def standard_error(differences: ArrayLike) -> float | None:
    """Give the standard error of the mean of an (F, S) table; None where one frame or one seed tells of no spread."""
    table = _checked(differences)
    return _error_of_mean(mean_squares(table), *table.shape)[0] if min(table.shape) > 1 else None


def alpha_of_look(alpha: float, look: int) -> float:
    """Give the error that a confirmation may make: the first all of alpha, each later one half of the one before."""
    return alpha / 2 ** (look - 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust the p-values of several claims by Holm's rule: claim k holds at alpha if its adjusted value is below it.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda k: p_values[k])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted


MeanSquares = tuple[float, float, float]  # of frames, of seeds, of the rest


def mean_squares(table: np.ndarray) -> MeanSquares:
    """Give the mean squares of the two-way table without replication: frames, seeds, rest."""
    n_frames, n_seeds = table.shape
    by_frame, by_seed, mean = table.mean(axis=1), table.mean(axis=0), table.mean()
    rest = table - by_frame[:, None] - by_seed[None, :] + mean
    return (
        float(n_seeds * np.square(by_frame - mean).sum() / (n_frames - 1)),
        float(n_frames * np.square(by_seed - mean).sum() / (n_seeds - 1)),
        float(np.square(rest).sum() / ((n_frames - 1) * (n_seeds - 1))),
    )


def limits_of(mean: float, squares: MeanSquares, n_frames: int, n_seeds: int, alpha: float) -> tuple[float, float]:
    """Give the one-sided limits of the true mean, each at alpha, from what is left of a table in its mean squares."""
    error, degrees = _error_of_mean(squares, n_frames, n_seeds)
    reach = error * float(stdtrit(degrees, 1 - alpha))
    return mean - reach, mean + reach


def _error_of_mean(squares: MeanSquares, n_frames: int, n_seeds: int) -> tuple[float, float]:
    """Give the standard error of the mean and its degrees of freedom."""
    frames, seeds, rest = squares
    total = max(frames + seeds - rest, frames, seeds)
    spread = frames**2 / (n_frames - 1) + seeds**2 / (n_seeds - 1) + rest**2 / ((n_frames - 1) * (n_seeds - 1))
    degrees = max(total**2 / spread if spread > 0 else 0.0, min(n_frames, n_seeds) - 1)
    return float(np.sqrt(total / (n_frames * n_seeds))), degrees


def _checked(differences: ArrayLike) -> np.ndarray:
    table = np.asarray(differences, dtype=np.float64)
    if table.ndim != 2 or not table.size:
        raise ValueError(f"a table of frames by seeds has two axes, this one has shape {table.shape}")
    if not np.isfinite(table).all():
        raise ValueError("the table is incomplete: every frame needs a difference for every seed")
    return table
