"""The confirmation: what may be claimed? Held-out frames, fresh seeds, both arms, a test whose error is stated.

The proposed ratio and the two below it are tested from the lowest up, each at alpha, and the first that is not shown
ends it. Such a fixed sequence needs no further correction: a false claim needs a false verdict at the first ratio of
the sequence that truly loses the margin, and that has probability alpha.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cellprune.evaluation.decide import Decision, decide
from cellprune.search.judge.trial import REFERENCE, Outcome, OutcomesOf, Table, Trial, paired, require_scores

STEPS_BELOW = 2
_SEEDS_A_LOOK = 1000  # seeds of a search are fewer, so a confirmation's are fresh, and each look's are


@dataclass(frozen=True)
class Terms:
    """What a confirmation is held to; `alpha` is that of each test, and so of the whole sequence."""

    margin: float
    alpha: float
    seeds: tuple[int, ...]
    n_folds: int = 1

    def trials(self, ratio: float, control: str = "") -> list[Trial]:
        """Name every training of one arm."""
        folds = range(self.n_folds)
        return [Trial("confirm", ratio, seed, fold, control) for seed in self.seeds for fold in folds]


@dataclass(frozen=True)
class Claim:
    """One tested ratio; `decision` is None where too many seeds were lost to decide, or a trial was hopeless."""

    ratio: float
    decision: Decision | None
    table: Table

    @property
    def passed(self) -> bool:
        """Whether the ratio is shown to be not worse."""
        return self.decision is not None and self.decision.verdict == "not worse"


@dataclass(frozen=True)
class Confirmation:
    """The tests in their order; the highest ratio that passed, None if none did."""

    claims: tuple[Claim, ...]

    @property
    def ratio(self) -> float | None:
        return max((claim.ratio for claim in self.claims if claim.passed), default=None)


def fresh_seeds(look: int, n_seeds: int) -> tuple[int, ...]:
    """Give the seeds of the look-th confirmation, from 1."""
    return tuple(range(_SEEDS_A_LOOK * look, _SEEDS_A_LOOK * look + n_seeds))


def ratios_to_test(grid: Sequence[float], proposed: float) -> tuple[float, ...]:
    """Give the proposed ratio and the two below it on the grid, rising."""
    place = grid.index(proposed)
    return tuple(grid[max(0, place - STEPS_BELOW) : place + 1])


def confirm(
    ratios: Sequence[float],
    outcomes_of: OutcomesOf,
    terms: Terms,
    *,
    seen: Callable[[Claim], None] = lambda claim: None,
) -> Confirmation:
    """Test ratios from the lowest up, to the first that is not shown to be not worse.

    Args:
        ratios: rising; what `ratios_to_test` gave.
        outcomes_of: see `trial.OutcomesOf`; the reference and the first ratio are asked for together.
        seen: told of every ratio as it is tested.
    Raises:
        WorkError: a reference failed, or every network of a ratio crashed.
    """
    outcomes: dict[Trial, Outcome] = {}
    claims: list[Claim] = []
    for ratio in ratios:
        asked = [trial for trial in (*terms.trials(REFERENCE), *terms.trials(ratio)) if trial not in outcomes]
        outcomes |= dict(zip(asked, outcomes_of(asked), strict=True))
        table = paired(*({trial: outcomes[trial] for trial in terms.trials(at)} for at in (REFERENCE, ratio)))
        require_scores(ratio, table)
        decides = table.decides and not table.hopeless  # leaving only the hopeless out would flatter
        decision = decide(table.differences, margin=terms.margin, alpha=terms.alpha) if decides else None
        claims.append(Claim(ratio, decision, table))
        seen(claims[-1])
        if not claims[-1].passed:
            break
    return Confirmation(tuple(claims))
