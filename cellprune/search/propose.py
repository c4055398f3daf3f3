"""The search: which ratio is worth a confirmation? Bisection over the grid, with few seeds, on frames set apart.

A ratio counts as too much when its mean paired difference lies below the margin. With few seeds that is wrong now and
then, and a false alarm at a low ratio would cut off everything above it: so one ratio above the bracket is asked
about, too, and if it passes the bisection goes on from there. Nothing is claimed here; a confirmation also tests the
two ratios below the proposed one. (Simulated: a more lenient rule finds a cliff a little more often, a gradual loss
far less.)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cellprune.search.decide import standard_error
from cellprune.search.grid import most_probes
from cellprune.search.trial import REFERENCE, Measure, Table, Trial, paired

_BEYOND = 3  # steps above the highest that passed: far enough to matter, near enough to pass where nothing is lost


@dataclass(frozen=True)
class Probe:
    """What the search saw at one ratio; None where no seed came through, or too few to tell an error."""

    ratio: float
    passes: bool
    mean: float | None
    standard_error: float | None
    table: Table


@dataclass(frozen=True)
class Proposal:
    """The highest ratio that may cost nothing, None if not even the lowest; probes in the order of asking."""

    ratio: float | None
    probes: tuple[Probe, ...]


def propose(
    grid: Sequence[float],
    measure: Measure,
    *,
    margin: float,
    seeds: Sequence[int],
    n_folds: int,
    seen: Callable[[Probe], None] = lambda probe: None,
) -> Proposal:
    """Bisect the grid for the highest ratio that seems to cost no more than the margin.

    Args:
        grid: rising ratios.
        measure: see `trial.Measure`; asked for the reference once, then for one ratio after the other.
        seeds: of the search; every fold of a seed is trained.
        seen: told of every probe as it is judged.
    Raises:
        WorkError: a reference failed.
    """

    def trials(ratio: float) -> list[Trial]:
        return [Trial("search", ratio, seed, fold) for seed in seeds for fold in range(n_folds)]

    references = _measured(measure, trials(REFERENCE))
    paired(references, references)  # a failed reference is told before anything else is trained
    judged: dict[int, Probe] = {}  # by step of the grid

    def passes(step: int) -> bool:
        table = paired(references, _measured(measure, trials(grid[step])))
        judged[step] = _judged(grid[step], table, margin)
        seen(judged[step])
        return judged[step].passes

    def bisected(passed: int, failed: int) -> int:
        while failed - passed > 1 and len(judged) < most_probes(len(grid)):
            middle = (passed + failed) // 2
            passed, failed = (middle, failed) if passes(middle) else (passed, middle)
        return passed

    highest = bisected(-1, len(grid))
    beyond = highest + _BEYOND
    if beyond < len(grid) and beyond not in judged and passes(beyond):
        highest = bisected(beyond, min((step for step in judged if step > beyond), default=len(grid)))
    return Proposal(grid[highest] if highest >= 0 else None, tuple(judged.values()))


def _measured(measure: Measure, trials: Sequence[Trial]) -> dict:
    return dict(zip(trials, measure(trials), strict=True))


def _judged(ratio: float, table: Table, margin: float) -> Probe:
    if not table.differences.size:
        return Probe(ratio, False, None, None, table)
    mean, error = float(table.differences.mean()), standard_error(table.differences)
    return Probe(ratio, not table.hopeless and mean > -margin, mean, error, table)
