"""The confirmation on simulated response curves: how often a claim is false, and where the tests stop."""

from collections import Counter

import numpy as np
import pytest
from simulated_worlds import GRID, Loss, one_by_one, step, world

from cellprune.config.search import Search
from cellprune.search.judge.confirm import Confirmation, Terms, confirm, fresh_seeds, ratios_to_test
from cellprune.search.judge.propose import Proposal, propose
from cellprune.search.judge.trial import REFERENCE, Outcome, Trial
from cellprune.search.plan import count
from cellprune.search.tell import progress

MARGIN, ALPHA = 0.005, 0.05
CLIFF = 10


def noisy(ratio: float) -> float:
    return 0.0004 * step(ratio) + 0.004 * np.sin(5 * step(ratio))


CURVES: dict[str, Loss] = {
    "monotone": lambda ratio: MARGIN * 2 ** ((step(ratio) - CLIFF) / 2),
    "flat": lambda ratio: MARGIN,
    "noisy": noisy,
    "cliff": lambda ratio: 0.0 if step(ratio) <= CLIFF else 0.05,
    "worse at --low": lambda ratio: 0.02,
    "never worse": lambda ratio: 0.0,
}


def searched(
    loss: Loss, seed: int, shape: tuple[int, int, int, int], *, same_frames: bool = False
) -> tuple[Proposal, Confirmation | None, int]:
    """Search once; shape is frames to choose on, held-out frames, seeds of the search, seeds of the confirmation."""
    n_select, n_report, n_seeds, n_confirm = shape
    score = world(loss, seed=seed, n_select=n_select, n_report=n_report, same_frames=same_frames)
    trained: Counter[Trial] = Counter()

    def counted(trial: Trial) -> dict[str, float]:
        trained[trial] += 1
        return score(trial)

    outcomes_of = one_by_one(counted)
    proposal = propose(GRID, outcomes_of, margin=MARGIN, n_seeds=n_seeds, n_folds=1)
    most = count(Search(seeds=n_seeds, confirm_seeds=n_confirm), GRID, 0)
    assert trained.total() <= min(most.search, n_seeds * (2 + len(proposal.probes)), 8 * n_seeds)
    if proposal.ratio is None:
        return proposal, None, trained.total()
    terms = Terms(MARGIN, ALPHA, fresh_seeds(1, n_confirm))
    confirmation = confirm(ratios_to_test(GRID, proposal.ratio), outcomes_of, terms)
    assert set(trained.values()) == {1}
    assert trained.total() <= most.most
    return proposal, confirmation, trained.total()


@pytest.mark.parametrize(
    "curve", [c if c in ("cliff", "noisy") else pytest.param(c, marks=pytest.mark.slow) for c in CURVES]
)
@pytest.mark.parametrize("shape", [(3, 5, 3, 5), pytest.param((34, 34, 3, 10), marks=pytest.mark.slow)])
def test_claims_are_false_as_rarely_as_promised(curve: str, shape: tuple[int, int, int, int]) -> None:
    loss, false, claimed = CURVES[curve], 0, 0
    for seed in range(200):
        _, confirmation, _ = searched(loss, seed, shape)
        ratio = confirmation.ratio if confirmation else None
        claimed += ratio is not None
        false += ratio is not None and loss(ratio) >= MARGIN
    assert false <= 18
    assert claimed > 0 or curve in ("worse at --low", "flat")


@pytest.mark.parametrize("shape", [(17, 17, 3, 3), pytest.param((34, 34, 3, 5), marks=pytest.mark.slow)])
def test_claims_about_frames_that_were_chosen_on_are_false_as_rarely(shape: tuple[int, int, int, int]) -> None:
    confirmations = [searched(CURVES["flat"], seed, shape, same_frames=True)[1] for seed in range(400)]
    assert sum(found is not None and found.ratio is not None for found in confirmations) <= 0.09 * 400


@pytest.mark.slow
def test_a_cliff_is_found() -> None:
    near = 0
    for seed in range(200):
        _, confirmation, _ = searched(CURVES["cliff"], seed, (34, 34, 3, 15))
        ratio = confirmation.ratio if confirmation else None
        near += ratio is not None and abs(step(ratio) - CLIFF) <= 2
    assert near >= 120


def test_the_sequence_stops_at_the_first_that_is_not_shown() -> None:
    score = world(lambda ratio: 0.0 if ratio < 0.9 else 0.1, seed=1, n_select=5, n_report=30)
    asked: list[Trial] = []

    def outcomes_of(trials: list[Trial]) -> list[Outcome]:
        asked.extend(trials)
        return [Outcome("done", score(trial)) for trial in trials]

    found = confirm((0.911612, 0.9375, 0.955806), outcomes_of, Terms(MARGIN, ALPHA, fresh_seeds(1, 5)))
    assert found.ratio is None
    assert {trial.ratio for trial in asked} == {REFERENCE, 0.911612}


def test_a_hopeless_trial_in_a_confirmation_ends_it_undecided() -> None:
    def outcomes_of(trials: list[Trial]) -> list[Outcome]:
        return [
            Outcome("hopeless", reason="cut off")
            if t.ratio and t.seed == 1003
            else Outcome("done", dict.fromkeys("abcde", 0.9))
            for t in trials
        ]

    found = confirm((0.9375, 0.955806), outcomes_of, Terms(MARGIN, ALPHA, fresh_seeds(1, 5)))
    assert found.ratio is None
    assert [claim.decision for claim in found.claims] == [None]
    assert "cut off" in progress.claim(found.claims[0])
