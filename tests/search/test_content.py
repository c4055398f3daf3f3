"""What a journal holds: read and written again it is the same, also where an older version wrote it."""

import json
from pathlib import Path

import pytest
from simulated_searches import ASKED, Rehearsal, searched

from cellprune.search.content import Content
from cellprune.search.opening import JOURNAL

pytestmark = pytest.mark.usefixtures("undrawn")
KEPT = sorted((Path(__file__).parents[2] / "docs" / "measurements" / "searches").glob("*/journal.json"))


def test_a_journal_is_written_as_it_was_read(tmp_path: Path) -> None:
    lost = {"search 0.875 seed 0 fold 0": ["NaN", "NaN again"], "search 0 seed 0 fold 0": ["no memory"]}
    asked = ASKED.model_copy(update={"controls": True})
    rehearsal = Rehearsal(crashes=lost, hopeless=["search 0.9375 seed 1 fold 0"])
    searched(tmp_path / "search", Rehearsal(crashes={"search 0 seed 0 fold 0": ["no memory"]}), max_trials=3)
    searched(tmp_path / "search", rehearsal, asked.model_copy(update={"margin": 0.015}))
    searched(tmp_path / "search", Rehearsal(), asked.model_copy(update={"margin": 0.01}))
    written = json.loads((tmp_path / "search" / JOURNAL).read_text())
    assert len(written["looks"]) == 2
    assert "asked_before" in written["looks"][0]
    assert Content.of(written).as_dict() == written


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.parent.name)
def test_journals_that_were_kept_are_still_read(path: Path) -> None:
    written = json.loads(path.read_text())
    assert Content.of(written).as_dict() == written
    assert {trial.key for trial in Content.of(written).outcomes} == written["trials"].keys()
