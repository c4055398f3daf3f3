"""A search as it goes on: what is counted as done, and how much is left, in the lines of a log."""

import itertools
import re
import time
from pathlib import Path

import pytest
from simulated_searches import ASKED, Rehearsal, question, searched

from cellprune.cli.search_progress import Table
from cellprune.config.search import Search
from cellprune.search.judge.trial import Trial
from cellprune.search.known import Known, known
from cellprune.search.question import Workspace
from cellprune.search.run import search_max_ratio
from cellprune.training.progress import Event


@pytest.fixture(autouse=True)
def _undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes longer than all the rest."""
    monkeypatch.setattr("cellprune.search.tell.page.write", lambda path, answer: path.write_text("drawn"))


def test_a_resumed_search_counts_what_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "search"
    searched(output, Rehearsal(), max_trials=5)
    asked = question(output)
    with Table(asked) as watch:
        search_max_ratio(asked, Workspace(tmp_path / "runs", output, resume=True), execute=Rehearsal()(), watch=watch)
    said = capsys.readouterr().err
    assert "6 of at most 26 trainings done" in said
    assert " 1 of at most" not in said


def test_no_more_are_counted_as_done_than_there_can_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "search"

    def counted(search: Search, rehearsal: Rehearsal) -> tuple[list[int], int]:
        asked, workspace = question(output, search), Workspace(output=output, resume=True)
        before = known(asked, workspace)
        assert not before.at_the_end
        with Table(asked) as watch:
            search_max_ratio(asked, workspace, execute=rehearsal(), watch=watch)
        n_done = before.done + len(rehearsal.trained)
        assert known(asked, workspace) == Known(n_done, there=0, at_the_end=True, look=before.look)
        said = capsys.readouterr().err
        assert ("test round 2 on these held-out images" in said) == (before.look == 2)
        told = re.findall(r"(\d+) of at most (\d+) trainings done", said)
        done = [int(n) for n, _ in told]
        assert done[-1] == n_done
        assert done == sorted(done)
        return done, int(told[0][1])

    lost = {"search 0 seed 0 fold 0": ["no memory"], "search 0 seed 1 fold 0": ["no memory"]}
    done, most = counted(ASKED, Rehearsal(crashes=lost))
    assert done[:4] == [0, 0, 1, 2], "a crash is tried again"
    assert done[-1] <= most
    later = ASKED.model_copy(update={"margin": 0.015})
    for search in (later, later.model_copy(update={"controls": True})):
        done, most = counted(search, Rehearsal())
        assert done[-1] <= most


def test_what_another_search_trained_tells_nothing_of_the_time_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = itertools.chain([0, 1, 1, 1], itertools.repeat(101))
    monkeypatch.setattr("cellprune.cli.search_progress.monotonic", lambda: next(clock))
    asked, rehearsal = question(tmp_path / "search"), Rehearsal(there=("search 0 seed 0 fold 0",))
    with Table(asked) as watch:
        search_max_ratio(asked, Workspace(tmp_path / "runs", max_trials=2), execute=rehearsal(), watch=watch)
    begun, first, then, second = capsys.readouterr().err.splitlines()
    assert (begun, then) == ("search, reference, seed 0: begins", "search, reference, seed 1: begins")
    assert first.startswith("search, reference, seed 0: there already, ")
    assert first.endswith("1 of at most 26 trainings done"), "no training has told yet how long one takes"
    assert second.startswith("search, reference, seed 1: done, 1 min 40 s, ")
    assert second.endswith("at most 40 min 0 s left"), "24 trainings as long as the one that was trained"


def test_a_long_training_is_told_of_now_and_then_in_a_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cellprune.cli.heartbeat.EVERY_S", 0.02)
    with Table(question(tmp_path / "search")) as watch:
        watch.began(Trial("confirm", 0.875, 1002, control="random"))
        watch.listener.started(Event("scoring", message="scoring the weights (force)"))
        watch.listener.advanced(Event("scoring", 7, 60, message="scoring the weights (force)"))
        time.sleep(0.1)
    begun, *rest = capsys.readouterr().err.replace("\u00a0", " ").splitlines()
    assert begun == "confirmation, random, ratio 87.5 %, seed 1002: begins"
    assert rest[-1].startswith(f"{begun.removesuffix('begins')}scoring the weights (force), 7 of 60 done, for 0.")
