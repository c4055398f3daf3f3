"""The proposal on simulated response curves."""

from simulated_worlds import GRID, one_by_one

from cellprune.search.judge.confirm import Terms, confirm, fresh_seeds, ratios_to_test
from cellprune.search.judge.grid import grid
from cellprune.search.judge.propose import propose
from cellprune.search.judge.trial import REFERENCE, Outcome, Trial

MARGIN, ALPHA = 0.005, 0.05


def test_a_failure_that_could_be_chance_is_asked_again_with_fresh_seeds() -> None:
    unlucky, lucky = {0: -0.002, 1: 0.01, 2: 0.022}, -0.02  # what a network loses by its seed
    asked: list[tuple[float, int]] = []

    def score(trial: Trial) -> dict[str, float]:
        asked.append((trial.ratio, trial.seed))
        loss = 0.5 * (trial.ratio > 0.8) + unlucky.get(trial.seed, lucky) if trial.ratio != REFERENCE else 0.0
        return dict.fromkeys("abcdef", 0.9 - loss)

    found = propose(grid(0.7, 0.9), one_by_one(score), margin=MARGIN, n_seeds=3, n_folds=1)
    low, high = 0.75, 0.823223
    assert [(probe.ratio, len(probe.table.seeds), probe.passes) for probe in found.probes] == [
        (high, 3, False),  # clearly
        (low, 3, False),
        (low, 6, True),
    ]
    assert found.ratio == low
    assert [seed for ratio, seed in asked if ratio == low] == [0, 1, 2, 3, 4, 5]
    assert [seed for ratio, seed in asked if ratio == REFERENCE] == [0, 1, 2, 3, 4, 5]


def test_the_ends_of_the_range() -> None:
    quiet = one_by_one(lambda trial: dict.fromkeys("abcde", 0.9 - (0.1 if trial.ratio else 0)))
    worse = propose(GRID, quiet, margin=MARGIN, n_seeds=1, n_folds=1)
    assert worse.ratio is None
    assert min(probe.ratio for probe in worse.probes) == GRID[0]
    equal = one_by_one(lambda trial: dict.fromkeys("abcde", 0.9))
    best = propose(GRID, equal, margin=MARGIN, n_seeds=1, n_folds=1)
    assert best.ratio == GRID[-1]
    found = confirm(ratios_to_test(GRID, GRID[-1]), equal, Terms(MARGIN, ALPHA, fresh_seeds(1, 3)))
    assert found.ratio == GRID[-1]
    assert [claim.ratio for claim in found.claims] == list(GRID[-3:])
    assert ratios_to_test(GRID, GRID[0]) == GRID[:1]


def test_a_hopeless_probe_fails_and_is_in_no_interval() -> None:
    def outcomes_of(trials: list[Trial]) -> list[Outcome]:
        return [
            Outcome("hopeless", reason="0.2") if t.ratio and t.seed else Outcome("done", {"a": 0.9, "b": 0.9})
            for t in trials
        ]

    found = propose((0.5,), outcomes_of, margin=MARGIN, n_seeds=2, n_folds=1)
    assert found.ratio is None
    assert found.probes[0].table.seeds == (0,)
    assert found.probes[0].table.hopeless == "0.2"
