"""The journal: what it says before the first training, and that it has one planner at a time."""

import json
from pathlib import Path

import pytest
from simulated_searches import ASKED, Cut, Rehearsal, question, searched

from cellprune.errors import CellpruneError
from cellprune.search.journal import Journal
from cellprune.search.judge.grid import grid
from cellprune.search.opening import JOURNAL

pytestmark = pytest.mark.usefixtures("undrawn")


def test_all_that_decides_stands_in_the_journal_before_the_first_training(tmp_path: Path) -> None:
    with pytest.raises(Cut):
        searched(tmp_path / "search", Rehearsal(dies_after=0))
    content = json.loads((tmp_path / "search" / JOURNAL).read_text())
    (look,) = content["looks"]
    assert not content["trials"]
    assert look["grid"] == list(grid(ASKED.low, ASKED.high))
    assert look["alpha"] == pytest.approx(0.05)
    assert {"margin": 0.02, "seeds": 2, "confirm_seeds": 3, "cv": 0}.items() <= look["question"].items()


def test_two_planners_on_one_journal_are_refused(tmp_path: Path) -> None:
    asked = question(tmp_path / "search")
    with (
        Journal.locked(asked.output, asked.identity, asked.search, asked.grid, resume=False, runs=tmp_path / "runs"),
        pytest.raises(CellpruneError, match="another process is at work"),
    ):
        searched(asked.output, Rehearsal())
