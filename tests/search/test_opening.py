"""Opening a search's folder: what is refused, with nothing changed, and which crashes are tried again."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from simulated_searches import ASKED, Rehearsal, lasting, question, searched

from cellprune.config.schema import Settings
from cellprune.errors import CellpruneError
from cellprune.search.opening import JOURNAL, RESULT
from cellprune.search.question import Workspace
from cellprune.search.run import search_max_ratio

pytestmark = pytest.mark.usefixtures("undrawn")


def test_the_journal_of_another_search_is_refused(tmp_path: Path) -> None:
    output = tmp_path / "search"
    searched(output, Rehearsal())
    asked = question(output)
    workspace = Workspace(tmp_path / "runs", output, resume=True)
    others = {
        "(data: other files)": replace(asked, frames=replace(asked.frames, sha256="e" * 64)),
        "settings.training.epochs: 50 -> 3": replace(
            asked, settings=Settings.model_validate({"training": {"epochs": 3}})
        ),
        "settings.data.normalization: robust -> standard": replace(
            asked, settings=Settings.model_validate({"data": {"normalization": "standard"}})
        ),
        "search.confidence: 0.95 -> 0.9": replace(asked, search=ASKED.model_copy(update={"confidence": 0.9})),
    }
    for said, other in others.items():
        with pytest.raises(CellpruneError, match=re.escape(said)):
            search_max_ratio(other, workspace, execute=Rehearsal()())
    content = json.loads((output / JOURNAL).read_text())
    older = content["identity"]["settings"]["data"].pop("normalization")
    (output / JOURNAL).write_text(json.dumps(content))  # as before there was a choice
    with pytest.raises(CellpruneError, match=f"settings.data.normalization: standard -> {older}"):
        search_max_ratio(asked, workspace, execute=Rehearsal()())
    content["identity"]["cellprune"] = "0.0.1"
    (output / JOURNAL).write_text(json.dumps(content))
    with pytest.raises(CellpruneError, match=r"is of cellprune 0\.0\.1, this is .*: install that"):
        search_max_ratio(asked, workspace, execute=Rehearsal()())
    (output / JOURNAL).write_text("{}")
    with pytest.raises(CellpruneError, match="no journal of this version"):
        search_max_ratio(asked, workspace, execute=Rehearsal()())


@pytest.mark.parametrize(
    "damage",
    [
        {"trials": []}, {"trials": {"confirm 0.5": {"trial": {}}}}, {"identity": 3}, {"looks": [{"alpha": 0.05}]},
        {"trials": {"confirm 0.5": {"trial": {"phase": "search", "ratio": 0.5, "seed": 0}, "outcome": {"facts": 3}}}},
    ],
)  # fmt: skip
def test_a_journal_that_was_damaged_is_refused(tmp_path: Path, damage: dict) -> None:
    output = tmp_path / "search"
    searched(output, Rehearsal())
    content = json.loads((output / JOURNAL).read_text()) | damage
    (output / JOURNAL).write_text(json.dumps(content))
    with pytest.raises(CellpruneError, match=r"journal\.json is damaged \(.*\): restore it, or give another --output"):
        searched(output, Rehearsal())


def test_the_result_of_a_search_whose_journal_is_gone_is_not_written_over(tmp_path: Path) -> None:
    output = tmp_path / "search"
    searched(output, Rehearsal())
    (output / JOURNAL).unlink()
    before = (output / RESULT).read_bytes()
    with pytest.raises(CellpruneError, match=r"of a search whose journal\.json is gone: give another --output"):
        searched(output, Rehearsal())
    assert (output / RESULT).read_bytes() == before


def test_another_folder_of_runs_is_refused_where_it_has_none_of_the_search(tmp_path: Path) -> None:
    asked, elsewhere = question(tmp_path / "search"), tmp_path / "elsewhere"
    found = searched(asked.output, Rehearsal())
    before = (asked.output / JOURNAL).read_bytes()
    workspace = Workspace(runs=elsewhere, output=asked.output, resume=True)
    with pytest.raises(CellpruneError, match=f"are in {tmp_path / 'runs'}, and {elsewhere} has none of them: give --r"):
        search_max_ratio(asked, workspace, execute=Rehearsal()())
    assert (asked.output / JOURNAL).read_bytes() == before
    (elsewhere / found.networks[0].run).mkdir(parents=True)  # moved there
    search_max_ratio(asked, workspace, execute=Rehearsal()())
    shutil.rmtree(elsewhere)  # thrown away, but the folder is the one that was given before
    search_max_ratio(asked, workspace, execute=Rehearsal()())


def test_folders_that_cannot_be_a_search(tmp_path: Path) -> None:
    asked = question(tmp_path / "search")
    searched(asked.output, Rehearsal())
    with pytest.raises(CellpruneError, match="go on with it by --resume"):
        search_max_ratio(asked, Workspace(), execute=Rehearsal()())
    foreign = tmp_path / "foreign"
    shutil.copytree(asked.output, foreign)
    (foreign / "thesis.tex").write_text("")
    with pytest.raises(CellpruneError, match=r"holds 'thesis\.tex'"):
        search_max_ratio(question(foreign), Workspace(resume=True), execute=Rehearsal()())
    with pytest.raises(CellpruneError, match="is a file"):
        search_max_ratio(question(foreign / "thesis.tex"), Workspace(), execute=Rehearsal()())


def test_a_verdict_that_was_given_without_a_lost_seed_stays(tmp_path: Path) -> None:
    asked, expected = ASKED.model_copy(update={"confirm_seeds": 4}), searched(tmp_path / "whole", Rehearsal())
    lost = f"confirm {expected.confirmation[0].ratio:g} seed 1001 fold 0"
    found = searched(tmp_path / "search", Rehearsal(crashes={lost: ["no memory"] * 2}), asked)
    again = Rehearsal()
    assert lasting(searched(tmp_path / "search", again, asked)) == lasting(found)
    assert not again.trained

    asked = ASKED  # of three seeds two decide nothing, so nothing was judged
    open_ = searched(tmp_path / "open", Rehearsal(crashes={lost: ["no memory"] * 2}), asked)
    assert open_.verdict == "not shown"
    assert searched(tmp_path / "open", again := Rehearsal(), asked).confirmation == expected.confirmation
    assert again.trained[lost] == 1


def test_what_a_confirmation_rests_on_is_not_tried_again_and_a_search_that_proposed_nothing_is(tmp_path: Path) -> None:
    expected = searched(tmp_path / "whole", Rehearsal())
    lost = f"search {expected.search[0].ratio:g} seed 1 fold 0"
    found = searched(tmp_path / "search", Rehearsal(crashes={lost: ["NaN"] * 2}))
    again = Rehearsal()
    assert lasting(searched(tmp_path / "search", again)) == lasting(found)
    assert not again.trained

    asked = ASKED.model_copy(update={"low": 0.92})
    lost = "search 0.9375 seed 0 fold 0"
    none = searched(tmp_path / "none", Rehearsal(crashes={lost: ["NaN"] * 2}), asked)
    assert none.verdict == "none found"
    again = Rehearsal()
    assert searched(tmp_path / "none", again, asked).verdict == "none found"
    assert again.trained == {lost: 1}
