"""The search itself: a proposal, its confirmation, and the controls, each where it belongs."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from simulated_searches import ASKED, SCORES, question

from cellprune.search.find import Findings, find
from cellprune.search.judge.trial import Outcome, Trial
from cellprune.search.question import Watch


class Asked(list[list[Trial]]):
    """Gives simulated outcomes, and remembers what was asked for at once."""

    def __call__(self, trials: Sequence[Trial]) -> list[Outcome]:
        self.append(list(trials))
        return [Outcome("done", SCORES(trial)) for trial in trials]

    def phases(self) -> list[str]:
        return [trial.phase for trials in self for trial in trials]


class Heard(Watch):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def said(self, line: str) -> None:
        self.lines.append(line)


def found(search=ASKED, look: int = 1) -> tuple[Findings, Asked, Heard, list[float | None]]:
    findings, asked, heard, proposals = Findings(), Asked(), Heard(), []

    def proposed(ratio: float | None) -> None:
        assert "confirm" not in asked.phases(), "it is told before anything of the confirmation is asked for"
        proposals.append(ratio)

    find(question(Path("search"), search), look, asked, findings, watch=heard, proposed=proposed)
    return findings, asked, heard, proposals


def test_a_proposal_is_confirmed_from_below_and_every_step_is_said() -> None:
    findings, asked, heard, proposals = found()
    assert proposals == [findings.proposed]
    assert findings.confirmed
    assert findings.stopped == ""
    assert [claim.ratio for claim in findings.claims] == sorted(claim.ratio for claim in findings.claims)
    assert findings.claims[-1].ratio <= findings.proposed
    assert len(heard.lines) == len(findings.probes) + len(findings.claims)
    assert [line.split(",")[0] for line in heard.lines] == (
        ["search"] * len(findings.probes) + ["tested"] * len(findings.claims)
    )
    assert findings.beaten == []
    assert {trial.control for trials in asked for trial in trials} == {""}


def test_without_a_proposal_nothing_is_confirmed() -> None:
    findings, asked, _, proposals = found(ASKED.model_copy(update={"low": 0.95, "high": 0.97, "controls": True}))
    assert proposals == [None]
    assert (findings.proposed, findings.ratio, findings.confirmed, findings.claims) == (None, None, False, [])
    assert set(asked.phases()) == {"search"}


@pytest.mark.parametrize("look", [1, 2])
def test_a_later_look_has_fresh_seeds_and_half_the_error(look: int) -> None:
    findings, asked, _, _ = found(look=look)
    seeds = {trial.seed for trials in asked for trial in trials if trial.phase == "confirm"}
    assert seeds == {1000 * look, 1000 * look + 1, 1000 * look + 2}
    assert findings.claims[0].decision.alpha == pytest.approx(0.05 / look)


def test_controls_are_trained_at_the_found_ratio_alone() -> None:
    findings, asked, _, _ = found(ASKED.model_copy(update={"controls": True}))
    assert [beaten.name for beaten in findings.beaten][:2] == ["shuffle", "random"]
    controls = [trial for trials in asked for trial in trials if trial.control]
    assert {trial.ratio for trial in controls} == {findings.ratio}
    assert {trial.phase for trial in controls} == {"confirm"}


def test_the_found_ratio_is_the_highest_that_passed() -> None:
    findings = Findings()
    assert findings.ratio is None
    findings, *_ = found()
    assert findings.ratio == max(claim.ratio for claim in findings.claims if claim.passed)
