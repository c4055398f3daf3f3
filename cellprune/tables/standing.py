"""How the arms of a sweep stand: means with intervals over seeds, paired differences from the dense network, ranks.

A difference is of pairs: the same image and the same seed. Its interval and p-value come from the two-way table of
images and seeds, as a search decides. The p-values of one score are adjusted for all arms by Holm's rule.

The rank of an arm among those of the same amount, by the headline score, has an interval: from 1 plus the arms that are
shown to be better, to the number of arms minus those that are shown to be worse; all pairs are adjusted together. Few
seeds show little, so their intervals are wide.

Source: Student 1908 (10.1093/biomet/6.1.1) for intervals over seeds; Holm 1979; Mogstad, Romano, Shaikh, Wilhelm 2024
(10.1093/restud/rdad006) for ranks from simultaneous comparisons of pairs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from statistics import mean

import numpy as np

from cellprune.evaluation.decide import FEWEST_FRAMES, FEWEST_SEEDS, decide, holm
from cellprune.report.together.interval import CONFIDENCE, interval
from cellprune.tables.plan import Arm, Plan
from cellprune.tables.result import Result

_ALPHA = 1 - CONFIDENCE


@dataclass(frozen=True)
class Difference:
    """The paired difference of two arms, on the images and seeds that both have.

    Attributes:
        mean: ours minus theirs.
        lower, upper: limits of the true mean, two-sided; None where images or seeds are too few.
        p_value: of a difference as large as this, either way, if there were none; None with the limits.
        adjusted: the p-value among those of all arms, by Holm's rule.
        n_better, n_seeds: seeds in which ours is better, of those that both have.
    """

    mean: float
    lower: float | None
    upper: float | None
    p_value: float | None
    adjusted: float | None
    n_better: int
    n_seeds: int
    n_images: int

    @property
    def is_shown(self) -> bool:
        """Whether the adjusted p-value is below the error that is allowed."""
        return self.adjusted is not None and self.adjusted < _ALPHA


@dataclass(frozen=True)
class Rank:
    """The place of an arm among those of its amount, by mean; from `best` to `worst` at the confidence of the page."""

    place: int
    best: int
    worst: int
    among: int


@dataclass(frozen=True)
class Standing:
    """How an arm stands.

    Attributes:
        results: of its finished seeds.
        n_seeds: that were planned.
        from_dense: what a paired score is called -> its difference from the dense network of its group;
            empty of that itself, and without a pair.
        rank: None of a dense network, and where no other arm has its amount.
    """

    arm: Arm
    results: tuple[Result, ...]
    n_seeds: int
    from_dense: Mapping[str, Difference] = field(default_factory=dict)
    rank: Rank | None = None

    def mean(self, score: str) -> float | None:
        """Give the mean of a score over the seeds; None without any."""
        values = self.values(score)
        return mean(values) if values else None

    def interval(self, score: str) -> tuple[float, float] | None:
        """Give the interval of that mean over seeds, as far as scores can be; None for fewer than two seeds."""
        limits = interval(self.values(score))
        return limits and (max(0.0, limits[0]), min(1.0, limits[1]))

    def values(self, score: str) -> list[float]:
        """Give a score of every seed that has it."""
        return [value for result in self.results if (value := result.score(score)) is not None]


def standings(plan: Plan, results: Sequence[Result]) -> list[Standing]:
    """Tell how every arm stands, in the order of the plan."""
    of = {arm: tuple(result for result in results if result.trial.arm == arm) for arm in plan.arms}
    dense = {arm.group: of[arm] for arm in plan.arms if arm.is_dense}
    differences: dict[Arm, dict[str, Difference]] = {arm: {} for arm in of}
    for score in dict.fromkeys(name for result in results for name in result.paired):
        pairs = {arm: (own, dense[arm.group]) for arm, own in of.items() if not arm.is_dense}
        told = {arm: gap for arm, pair in pairs.items() if (gap := difference(*pair, score)) is not None}
        for arm, gap in _adjusted(told).items():
            differences[arm][score] = gap
    ranks = _ranks(of)
    n_seeds = len(plan.axes.seeds)
    return [Standing(arm, of[arm], n_seeds, differences[arm], ranks.get(arm)) for arm in plan.arms]


def difference(ours: Sequence[Result], theirs: Sequence[Result], score: str) -> Difference | None:
    """Give the paired difference of two arms in a score; None where no seed or no image is in both."""
    mine, other = (
        {result.trial.seed: result.paired[score] for result in results if score in result.paired}
        for results in (ours, theirs)
    )
    seeds = sorted(mine.keys() & other.keys())
    images = sorted(set.intersection(*(set(mine[s]) & set(other[s]) for s in seeds))) if seeds else []
    if not images:
        return None
    table = np.array([[mine[seed][image] - other[seed][image] for seed in seeds] for image in images])
    whole = Difference(
        mean=float(table.mean()), lower=None, upper=None, p_value=None, adjusted=None,
        n_better=int((table.mean(axis=0) > 0).sum()), n_seeds=len(seeds), n_images=len(images),
    )  # fmt: skip
    if len(images) < FEWEST_FRAMES or len(seeds) < FEWEST_SEEDS:
        return whole
    decision = decide(table, margin=0.0, alpha=_ALPHA / 2)
    p_value = 2 * min(decision.p_value, 1 - decision.p_value) if table.any() else 1.0
    return replace(whole, lower=decision.lower, upper=decision.upper, p_value=p_value)


def _adjusted(differences: Mapping[Arm, Difference]) -> dict[Arm, Difference]:
    """Adjust the p-values for the number of arms that have one."""
    known = {arm: each.p_value for arm, each in differences.items() if each.p_value is not None}
    adjusted = dict(zip(known, holm(list(known.values())), strict=True))
    return {arm: replace(each, adjusted=adjusted.get(arm)) for arm, each in differences.items()}


def _ranks(of: Mapping[Arm, Sequence[Result]]) -> dict[Arm, Rank]:
    """Rank the arms of each group and amount."""
    ranks: dict[Arm, Rank] = {}
    for place in dict.fromkeys((arm.group, arm.amount) for arm in of if not arm.is_dense):
        league = {arm: own for arm, own in of.items() if (arm.group, arm.amount) == place and own}
        if len(league) > 1:
            ranks |= _ranked(league)
    return ranks


def _ranked(league: Mapping[Arm, Sequence[Result]]) -> dict[Arm, Rank]:
    score = next(iter(next(iter(league.values()))[0].paired))
    pairs = {pair: difference(league[pair[0]], league[pair[1]], score) for pair in combinations(league, 2)}
    known = {pair: each for pair, each in pairs.items() if each is not None and each.p_value is not None}
    adjusted = holm([each.p_value for each in known.values() if each.p_value is not None])
    worse = dict.fromkeys(league, 0)
    better = dict.fromkeys(league, 0)
    for ((one, other), each), p_value in zip(known.items(), adjusted, strict=True):
        if p_value < _ALPHA:
            winner, loser = (one, other) if each.mean > 0 else (other, one)
            better[loser] += 1
            worse[winner] += 1
    order = sorted(league, key=lambda arm: -_level(league[arm], score))
    n = len(league)
    return {arm: Rank(place, 1 + better[arm], n - worse[arm], n) for place, arm in enumerate(order, 1)}


def _level(results: Sequence[Result], score: str) -> float:
    """Give the mean over seeds of the mean over images of a paired score; 0 where no image has any."""
    means = [mean(own.values()) for result in results if (own := result.paired[score])]
    return mean(means) if means else 0.0
