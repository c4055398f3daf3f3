"""The answer gathered from the journal's outcomes: how a search ended, and what it took."""

from pathlib import Path

import pytest
from simulated_searches import ASKED, FACTS, Rehearsal, searched

from cellprune.search.tell import gather

pytestmark = pytest.mark.usefixtures("undrawn")
BELOW = "confirm 0.75 seed 1001 fold 0"


def test_trainings_tries_seconds_and_machines_are_counted(tmp_path: Path) -> None:
    rehearsal = Rehearsal(crashes={BELOW: ["NaN"]}, there=["search 0 seed 0 fold 0", "search 0 seed 1 fold 0"])
    answer = searched(tmp_path / "search", rehearsal)
    assert BELOW in rehearsal.trained, "or the test is empty"
    took = answer.compute
    assert took.trainings == rehearsal.trained.total() - 1, "a try that crashed is none"
    assert (took.trained_before, took.crashed_tries) == (2, 1)
    assert took.seconds == rehearsal.trained.total(), "one second each, those of the crash included"
    assert took.machines == {FACTS.machine: took.trainings}
    assert answer.crashes == {BELOW: ("NaN",)}


def test_a_ratio_that_passed_needs_no_more_seeds_and_one_that_did_not_says_how_many(tmp_path: Path) -> None:
    answer = searched(tmp_path / "search", Rehearsal(), ASKED.model_copy(update={"margin": 0.0065}))
    passed = [test for test in answer.confirmation if test.verdict == "not worse"]
    others = [test for test in answer.confirmation if test.verdict != "not worse"]
    assert passed or others
    assert all((test.seeds_needed, test.seeds_needed_next_look) == (None, None) for test in passed)
    for test in others:
        if test.seeds_needed and test.seeds_needed_next_look:
            assert test.seeds_needed <= test.seeds_needed_next_look, "half the error takes more"


def test_an_answer_ends_as_its_search_did(tmp_path: Path) -> None:
    found = searched(tmp_path / "found", Rehearsal())
    assert (found.verdict, found.ratio) == ("found", found.looks[-1].ratio)
    assert found.ratio < max(test.ratio for test in found.confirmation), "one was tested that did not pass"
    unfinished = searched(tmp_path / "cut", Rehearsal(), max_trials=3)
    assert (unfinished.verdict, unfinished.ratio, unfinished.model_run) == ("unfinished", None, "")
    none = searched(tmp_path / "none", Rehearsal(), ASKED.model_copy(update={"low": 0.95, "high": 0.97}))
    assert (none.verdict, none.proposed, none.confirmation) == ("none found", None, ())


def test_a_claim_names_the_run_and_says_whether_its_model_is_there(tmp_path: Path) -> None:
    answer = searched(tmp_path / "search", Rehearsal())
    assert answer.model is None, "nothing was trained"
    assert Path(answer.model_run).parent == tmp_path / "runs"
    assert Path(answer.model_run).name == f"confirm {answer.ratio:g} seed 1000 fold 0"


def test_controls_that_there_cannot_be_are_named_where_controls_were_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(gather, "missing", lambda settings: {"shuffle": "why not"})
        assert searched(tmp_path / "plain", Rehearsal()).controls_missing == {}
        lacking = searched(tmp_path / "lacking", Rehearsal(), ASKED.model_copy(update={"controls": True}))
        assert lacking.controls_missing == {"shuffle": "why not"}
    asked = searched(tmp_path / "asked", Rehearsal(), ASKED.model_copy(update={"controls": True}))
    assert asked.controls_missing == {}, "ProsPr has every control"
    assert [control.name for control in asked.controls] == [
        "shuffle", "random", "narrow-params", "flat-params", "narrow-macs", "flat-macs",
    ]  # fmt: skip
    budgets = {network.control: network.of_budget for network in asked.networks}
    assert budgets["flat-macs"] == pytest.approx(0.81)
    assert budgets[""] is None
