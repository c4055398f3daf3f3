"""The search: which ratio is worth a confirmation? Bisection over the grid, with few seeds, on frames set apart.

A ratio counts as too much when its mean paired difference lies below the margin. With few seeds that is wrong now and
then, and a false alarm at a low ratio would cut off everything above it. So a ratio that fails, but not clearly, is
asked again with as many fresh seeds, and judged by all of them. Nothing is claimed here; a confirmation also tests the
two ratios below the proposed one. (Simulated, with 34 frames, 3 seeds and 15 to confirm: of 1000 searches 64 % end
within two steps of a cliff, 59 % without the second opinion; the confirmation's own power allows 69 %. A more lenient
rule finds a cliff a little more often still, a gradual loss far less.)
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cellprune.evaluation.decide import standard_error
from cellprune.search.judge.grid import most_probes
from cellprune.search.judge.trial import REFERENCE, Outcome, OutcomesOf, Table, Trial, paired, require_scores

_CLOSE = 2.0  # standard errors below the margin: what lies lower has failed clearly
_SECOND_OPINION = 2  # rounds: one of the ratio, one of the reference


@dataclass(frozen=True)
class Probe:
    """What the search saw at one ratio; None where all were hopeless, or too few came through to tell an error."""

    ratio: float
    passes: bool
    mean: float | None
    standard_error: float | None
    table: Table

    def close(self, margin: float) -> bool:
        """Whether a failure could be chance, as far as so few seeds tell."""
        if self.passes or self.mean is None or self.table.hopeless:
            return False
        return self.standard_error is None or self.mean > -margin - _CLOSE * self.standard_error


@dataclass(frozen=True)
class Proposal:
    """The highest ratio that may cost nothing, None if not even the lowest; probes in the order of asking."""

    ratio: float | None
    probes: tuple[Probe, ...]


def most_rounds(n_ratios: int) -> int:
    """Give the most rounds of seeds that a search trains: the reference's, a bisection's, and a second opinion's."""
    return 1 + most_probes(n_ratios) + _SECOND_OPINION


def propose(
    grid: Sequence[float],
    outcomes_of: OutcomesOf,
    *,
    margin: float,
    n_seeds: int,
    n_folds: int,
    seen: Callable[[Probe], None] = lambda probe: None,
) -> Proposal:
    """Bisect the grid for the highest ratio that seems to cost no more than the margin.

    Args:
        grid: rising ratios.
        outcomes_of: see `trial.OutcomesOf`; asked for the reference first, then for one ratio after the other.
        n_seeds: of a round: what is trained at a ratio at once, in every fold.
        seen: told of every probe as it is judged.
    Raises:
        WorkError: a reference failed, or every network of a ratio crashed.
    """
    arms: dict[float, dict[Trial, Outcome]] = defaultdict(dict)
    probes: list[Probe] = []

    def train(ratio: float, seeds: Sequence[int]) -> None:
        trials = [Trial("search", ratio, seed, fold) for seed in seeds for fold in range(n_folds)]
        missing = [trial for trial in trials if trial not in arms[ratio]]
        arms[ratio] |= dict(zip(missing, outcomes_of(missing), strict=True))

    def probe(ratio: float, seeds: Sequence[int]) -> Probe:
        train(REFERENCE, seeds)
        paired(arms[REFERENCE], {})  # a failed reference is told before anything else is trained
        train(ratio, seeds)
        table = paired(arms[REFERENCE], arms[ratio])
        require_scores(ratio, table)
        probes.append(_judged(ratio, table, margin))
        seen(probes[-1])
        return probes[-1]

    def rounds_left() -> int:
        return most_rounds(len(grid)) - sum(map(len, arms.values())) // (n_seeds * n_folds)

    first, both = range(n_seeds), range(2 * n_seeds)
    passed, failed = -1, len(grid)
    while failed - passed > 1:
        middle = (passed + failed) // 2
        latest = probe(grid[middle], first)
        needed = most_probes(max(failed - middle, middle - passed) - 1)  # for the bisection to come to its end
        asked_again = len(arms[REFERENCE]) > n_seeds * n_folds
        if latest.close(margin) and rounds_left() >= needed + _SECOND_OPINION - asked_again:
            latest = probe(grid[middle], both)
        passed, failed = (middle, failed) if latest.passes else (passed, middle)
    return Proposal(grid[passed] if passed >= 0 else None, tuple(probes))


def _judged(ratio: float, table: Table, margin: float) -> Probe:
    if not table.differences.size:
        return Probe(ratio, False, None, None, table)
    mean, error = float(table.differences.mean()), standard_error(table.differences)
    return Probe(ratio, not table.hopeless and mean > -margin, mean, error, table)
