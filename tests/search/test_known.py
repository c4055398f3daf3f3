"""What a call need not train: known from its journal, and from the runs that other searches left."""

from pathlib import Path

import pytest
from simulated_searches import ASKED, Rehearsal, question, searched

from cellprune.campaign.job import Job
from cellprune.search import known as module
from cellprune.search.known import Known, known
from cellprune.search.question import Workspace

pytestmark = pytest.mark.usefixtures("undrawn")


def known_in(folder: Path, **change: object) -> Known:
    workspace = Workspace(folder / "runs", folder / "search", resume=True)
    return known(question(folder / "search", ASKED.model_copy(update=change)), workspace)


def test_of_a_new_question_nothing_is_known_and_nothing_is_written(tmp_path: Path) -> None:
    assert known_in(tmp_path) == Known(done=0, there=0, at_the_end=False, look=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("n", [1, 4])
def test_what_was_trained_is_done(tmp_path: Path, n: int) -> None:
    searched(tmp_path / "search", Rehearsal(), max_trials=n)
    assert known_in(tmp_path) == Known(done=n, there=0, at_the_end=False, look=1)


def test_a_search_at_its_end_has_nothing_left(tmp_path: Path) -> None:
    rehearsal = Rehearsal()
    searched(tmp_path / "search", rehearsal)
    before = (tmp_path / "search" / "journal.json").read_bytes()
    assert known_in(tmp_path) == Known(done=rehearsal.trained.total(), there=0, at_the_end=True, look=1)
    assert (tmp_path / "search" / "journal.json").read_bytes() == before


def test_another_question_opens_a_look_that_knows_the_search_and_not_the_confirmation(tmp_path: Path) -> None:
    rehearsal = Rehearsal()
    searched(tmp_path / "search", rehearsal)
    again = known_in(tmp_path, margin=0.015)
    assert (again.look, again.at_the_end) == (2, False)
    of_search = sum(key.startswith("search") for key in rehearsal.trained)
    assert 0 < again.done <= of_search


def test_unpruned_networks_of_other_searches_are_counted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def is_there(job: Job) -> bool:
        asked.append(job.key)
        return "1000" not in job.key

    monkeypatch.setattr(module, "is_there", is_there)
    references = ["search 0 seed 0 fold 0", "search 0 seed 1 fold 0"]
    confirmed = [f"confirm 0 seed {seed} fold 0" for seed in (1000, 1001, 1002)]
    assert known_in(tmp_path).there == 4
    assert asked == references + confirmed
    asked.clear()
    searched(tmp_path / "search", Rehearsal(), max_trials=1)
    assert known_in(tmp_path).there == 3
    assert asked == references[1:] + confirmed, "what its own journal has is not looked for"
