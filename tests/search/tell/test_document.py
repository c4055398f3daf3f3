"""search.json: what is written is read again, of this version and of older ones."""

import json
import re
from pathlib import Path

import pytest
from simulated_searches import ASKED, Rehearsal, searched

from cellprune.errors import CellpruneError
from cellprune.search.opening import RESULT
from cellprune.search.tell import document

pytestmark = pytest.mark.usefixtures("undrawn")
KEPT = sorted((Path(__file__).parents[3] / "docs" / "measurements" / "searches").glob("*/search.json"))


@pytest.mark.parametrize(
    ("asked", "lost"),
    [
        (ASKED.model_copy(update={"controls": True, "margin": 0.04}), ()),
        (ASKED.model_copy(update={"cv": 2, "margin": 0.006}), ("confirm 0.75 seed 1001 fold 0",)),
        (ASKED.model_copy(update={"low": 0.92}), ()),
    ],
)
def test_an_answer_is_read_as_it_was_written(asked, lost, tmp_path: Path) -> None:
    crashes = {key: ["NaN", "NaN again"] for key in lost}
    answer = searched(tmp_path / "search", Rehearsal(crashes=crashes), asked)
    path = tmp_path / "search" / RESULT
    written = json.loads(path.read_text())
    again = json.loads(json.dumps(document.content(document.read(path))))
    assert list(again) == list(written)
    said, told = again.pop("sentences"), written.pop("sentences")
    assert again == written
    assert (said["answer"], said["scope"], said["controls"]) == (told["answer"], told["scope"], told["controls"])
    assert document.read(path).claimed == answer.claimed


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.parent.name)
def test_results_that_were_kept_are_still_read(path: Path) -> None:
    written, answer = json.loads(path.read_text()), document.read(path)
    plain = json.loads(json.dumps(document.content(answer)))
    for key in ("grid", "frames", "look", "verdict", "ratio", "search", "compute"):
        assert plain[key] == written[key], key
    for key, added in (("question", {"score": "iou"}), ("words", {"gone": "removed", "reference": "unpruned"})):
        assert plain[key] == added | written[key], "older searches had no other"
    for ours, theirs in zip(plain["looks"], written["looks"], strict=True):
        tests = [test | {"p_value": None} for test in theirs["tested"]]
        assert ours | {"tested": [test | {"p_value": None} for test in ours["tested"]]} == theirs | {"tested": tests}
        assert None not in [test["p_value"] for test in ours["tested"] if test["mean"] is not None]
    for ours, theirs in zip(plain["confirmation"], written["confirmation"], strict=True):
        assert theirs.items() <= ours.items()
    for ours, theirs in zip(plain["networks"], written["networks"], strict=True):
        assert theirs.items() <= ours.items()


def test_a_result_that_is_damaged_or_of_another_version_is_refused(tmp_path: Path) -> None:
    searched(tmp_path / "search", Rehearsal())
    path = tmp_path / "search" / RESULT
    written = json.loads(path.read_text())
    for change, said in (
        ({"schema": 99}, "is no result of this version of cellprune: run its search again with --resume"),
        ({"networks": [{"ratio": 0.0}]}, "is damaged ("),
        ({"looks": None}, "is damaged ("),
    ):
        path.write_text(json.dumps(written | change))
        with pytest.raises(CellpruneError, match=re.escape(said)):
            document.read(path)
