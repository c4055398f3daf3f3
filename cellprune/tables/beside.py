"""Our numbers beside those of a published table: each with its difference, and how well the order of methods agrees.

The agreement is Spearman's rank correlation of our means over seeds with the published means, over the methods of a
column, and of that the mean over columns. Its interval comes from seeds drawn again with replacement, the same ones for
every method and column.

Source: Spearman 1904 (10.2307/1412159); Efron 1979 (10.1214/aos/1176344552) for the bootstrap and its percentiles.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from cellprune.report.together.interval import CONFIDENCE, interval
from cellprune.tables.paper import Quantity, Slot
from cellprune.tables.plan import Reproduced
from cellprune.tables.standing import Standing

LABELS: dict[Quantity, str] = {
    "accuracy": "accuracy",
    "iou_image_mean": "IoU",
    "time_share": "time of the training, as a share of the unpruned network's",
}
_FEWEST_METHODS = 3  # whose order says anything
_DRAWS = 1000


@dataclass(frozen=True)
class Compared:
    """One place of the table.

    Attributes:
        of_seeds: ours by seed.
        reduced: in what ours is less than what was published; nothing where it is not.
    """

    standing: Standing
    slot: Slot
    of_seeds: Mapping[int, float]
    reduced: tuple[str, ...]

    @property
    def mean(self) -> float | None:
        """Ours over seeds; None without a finished run."""
        return mean(self.of_seeds.values()) if self.of_seeds else None

    @property
    def limits(self) -> tuple[float, float] | None:
        """Student's interval of our mean; None for fewer than two seeds."""
        return interval(list(self.of_seeds.values()))

    @property
    def difference(self) -> float | None:
        """Ours minus the published number; None where one of them is absent."""
        return None if self.mean is None or self.slot.value is None else self.mean - self.slot.value


@dataclass(frozen=True)
class Agreement:
    """How the order of methods agrees with the published one.

    Attributes:
        correlation: 1 for the same order in every column, -1 for the opposite one.
        limits: of it, over seeds; None for fewer than two seeds that all methods have.
    """

    correlation: float
    limits: tuple[float, float] | None
    n_columns: int
    n_seeds: int


@dataclass(frozen=True)
class Comparison:
    """A published table beside ours."""

    of_paper: Reproduced
    compared: tuple[Compared, ...]
    agreement: Agreement | None

    @property
    def reduced(self) -> tuple[str, ...]:
        """In what any place of the table is less than what was published, each said once."""
        return tuple(dict.fromkeys(line for one in self.compared for line in one.reduced))

    @property
    def title(self) -> str:
        """Name the table, and say that it is reduced where it is."""
        reduced = f", reduced ({'; '.join(self.reduced)})" if self.reduced else ""
        return f"Table {self.of_paper.table.number} of the paper on ProsPr{reduced}"

    @property
    def rows(self) -> tuple[str, ...]:
        """Names of the rows that are there."""
        return tuple(dict.fromkeys(one.slot.row for one in self.compared))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that are there."""
        return tuple(dict.fromkeys(one.slot.column for one in self.compared))

    def at(self, row: str, column: str) -> Compared | None:
        """Give a place; None where the table has none."""
        return next((one for one in self.compared if (one.slot.row, one.slot.column) == (row, column)), None)


def compare(
    of_paper: Reproduced, standings: Sequence[Standing], reduced: Mapping[tuple[str, ...], tuple[str, ...]]
) -> Comparison:
    """Set ours beside the published numbers.

    Args:
        standings: of all arms of the plan.
        reduced: group -> in what its trainings are less than the published ones.
    """
    dense = {standing.arm.group: standing for standing in standings if standing.arm.is_dense}
    compared = tuple(
        Compared(one, slot, _of_seeds(one, dense[one.arm.group], slot.quantity), reduced[one.arm.group])
        for one in standings
        if (slot := one.arm.slot) is not None
    )
    order = [slot.row for slot in of_paper.table.slots]
    return Comparison(of_paper, tuple(sorted(compared, key=lambda one: order.index(one.slot.row))), agreement(compared))


def _of_seeds(standing: Standing, dense: Standing, quantity: Quantity) -> dict[int, float]:
    """Give what is compared, by seed."""
    if quantity != "time_share":
        scores = {result.trial.seed: result.score(quantity) for result in standing.results}
        return {seed: score for seed, score in scores.items() if score is not None}
    whole, own = (
        {result.trial.seed: result.times.get("training_s", 0.0) for result in one.results} for one in (dense, standing)
    )
    return {seed: seconds / whole[seed] for seed, seconds in own.items() if whole.get(seed)}


def agreement(compared: Sequence[Compared]) -> Agreement | None:
    """Tell how the order of methods agrees with the published one.

    Returns:
        None where no column has 3 methods of one amount that are finished and published.
    """
    leagues: dict[tuple[str, str], list[Compared]] = {}
    for one in compared:
        if one.slot.amount and one.slot.value is not None and one.of_seeds:
            leagues.setdefault((one.slot.column, one.slot.amount), []).append(one)
    columns = [own for own in leagues.values() if len({one.slot.method for one in own}) >= _FEWEST_METHODS]
    if not columns:
        return None
    seeds = sorted(set.intersection(*(set(one.of_seeds) for own in columns for one in own)))
    whole = mean(_correlations(own, np.array([[one.mean for one in own]]))[0] for own in columns)
    if len(seeds) < 2:
        return Agreement(float(whole), None, len(columns), len(seeds))
    drawn = np.random.default_rng(0).integers(len(seeds), size=(_DRAWS, len(seeds)))
    tables = [np.array([[one.of_seeds[seed] for one in own] for seed in seeds]) for own in columns]
    means = np.mean(
        [_correlations(own, table[drawn].mean(axis=1)) for own, table in zip(columns, tables, strict=True)], axis=0
    )
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Agreement(float(whole), (float(low), float(high)), len(columns), len(seeds))


def _correlations(column: Sequence[Compared], ours: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the rank correlation of each row of ours, (N, methods), with the published means; 0 where all are equal."""
    theirs = rankdata([one.slot.value for one in column])
    ranks = rankdata(ours, axis=1)
    theirs, ranks = theirs - theirs.mean(), ranks - ranks.mean(axis=1, keepdims=True)
    sizes = np.linalg.norm(ranks, axis=1) * np.linalg.norm(theirs)
    return np.divide(ranks @ theirs, sizes, out=np.zeros(len(ranks)), where=sizes > 0)
