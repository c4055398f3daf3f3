"""What a claim is about."""

from dataclasses import replace
from pathlib import Path

import pytest
from simulated_searches import ASKED, Rehearsal, question, searched

from cellprune.search.question import Workspace
from cellprune.search.run import search_max_ratio
from cellprune.search.tell.scope import scope

pytestmark = pytest.mark.usefixtures("undrawn")


def test_a_claim_over_folds_says_what_they_have_in_common(tmp_path: Path) -> None:
    found = searched(tmp_path / "search", Rehearsal(), ASKED.model_copy(update={"cv": 2}))
    assert "Every fold chose on frames that other folds hold out" in scope(found)
    asked = question(tmp_path / "folder")
    asked = replace(asked, frames=replace(asked.frames, in_folder=True))
    found = search_max_ratio(asked, Workspace(output=asked.output), execute=Rehearsal()())
    assert "`--split block`, with names in the order of time" in scope(found)
    assert "folds" not in scope(found)
