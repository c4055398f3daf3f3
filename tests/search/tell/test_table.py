"""Searches side by side: as many claims as searches, corrected for their number."""

import json
from pathlib import Path

import pytest

from cellprune.cli.main import main
from cellprune.config.schema import Settings
from cellprune.config.search import Search
from cellprune.errors import CellpruneError
from cellprune.runs.provenance import Machine, Process
from cellprune.search.frames import Frames
from cellprune.search.look import Look
from cellprune.search.opening import JOURNAL, RESULT
from cellprune.search.tell import document
from cellprune.search.tell.answer import Answer, AnsweredLook, Compute, Evidence, Probed
from cellprune.search.tell.forest import forest
from cellprune.search.tell.rows import rows
from cellprune.search.tell.words import Words

LIMITS = {"mean": 0.001, "lower": -0.004, "upper": 0.006}
NETWORK = {"score": 0.9, "score_by_trial": [0.9], "hopeless": 0, "parameters": 10, "macs": 9, "bytes": 8,
           "milliseconds": None, "run": "run"}  # fmt: skip
ANSWER = document.content(
    Answer(
        made=Process(started="", command=(), commit=None, versions={}, machine=Machine("", "", None, {})),
        settings=Settings(),
        question=Search(),
        words=Words("weights", "unet, width 4", "IoU", "frames"),
        grid=(0.5,),
        frames=Frames(6, 4, ("01",), (), "f" * 64),
        look=1,
        looks=(AnsweredLook(Look.begun(Search(), 1), ()),),
        alpha=0.05,
        stopped="",
        verdict="none found",
        ratio=None,
        proposed=None,
        search=(Probed(0.5, False, -0.1, 0.01, Evidence(4, 3, {}, "", (), ())),),
        confirmation=(),
        controls=(),
        controls_missing={},
        networks=(),
        timed_on=None,
        crashes={},
        compute=Compute(1, 0, 0, 1.0, {}),
        model=None,
        model_run="",
    )
)


def limits(ratio: float, p_value: float) -> dict:
    return {"ratio": ratio, "verdict": "not worse" if p_value < 0.05 else "undecided", "p_value": p_value} | LIMITS


def look(*tests: dict, alpha: float = 0.05) -> dict:
    return ANSWER["looks"][0] | {"alpha": alpha, "tested": tests}


def search(folder: Path, ratio: float | None, p_values: list[float], **changed: object) -> Path:
    """Leave a search.json with these p-values at 0.5, 0.6, ..."""
    settings = {"pruning": {"method": folder.name, "ratio": 0.5}}
    answer = ANSWER | {
        "settings": Settings.model_validate(settings).model_dump(mode="json"),
        "looks": [look(*(limits(0.5 + 0.1 * step, p) for step, p in enumerate(p_values)))],
        "verdict": "not shown" if ratio is None else "found",
        "ratio": ratio,
        "networks": [NETWORK | {"ratio": at, "control": ""} for at in (0.0, ratio) if at is not None],
    }
    folder.mkdir()
    (folder / RESULT).write_text(json.dumps(answer | changed))
    return folder


def test_each_search_is_one_claim_and_holm_corrects_them(tmp_path: Path) -> None:
    found = [
        search(tmp_path / "snip", 0.6, [0.001, 0.02]),
        search(tmp_path / "prospr", 0.5, [0.01, 0.2]),
        search(tmp_path / "magnitude", None, [0.3]),
        search(tmp_path / "random", 0.5, [0.04]),
    ]
    table = rows(found)
    assert [row.p_value for row in table] == pytest.approx([0.02, 0.01, 1.0, 0.04])
    assert [row.adjusted_p_value for row in table] == pytest.approx([0.06, 0.04, 1.0, 0.08])
    assert [row.holds for row in table] == [False, True, False, False]
    assert all(row.holds for row in rows([found[0], found[1]]))


def test_a_later_look_counts_by_the_error_it_has(tmp_path: Path) -> None:
    first = look(limits(0.5, 0.01))
    higher = search(
        tmp_path / "snip", 0.6, [], look=2, looks=[first, look(limits(0.5, 0.002), limits(0.6, 0.02), alpha=0.025)]
    )
    lost = search(tmp_path / "random", None, [], look=2, looks=[first, look(limits(0.5, 0.3), alpha=0.025)])
    table = rows([higher, lost])
    assert [(row.ratio, row.p_value) for row in table] == [
        (0.6, pytest.approx(0.02 * 0.075 / 0.025)),
        (0.5, pytest.approx(0.01 * 0.075 / 0.05)),
    ], "what look 1 showed stands"
    assert [(test.ratio, test.look) for test in table[1].tested] == [(0.5, 1), (0.5, 2)]
    assert ">50\u00a0% removed, test round 1<" in forest(table)


def test_every_test_of_a_search_is_a_line_of_the_picture(tmp_path: Path) -> None:
    nothing = dict.fromkeys(("mean", "lower", "upper", "p_value"))  # too few seeds were left
    undecided = look({"ratio": 0.7, "verdict": "undecided"} | nothing)
    found = rows([
        search(tmp_path / "snip", 0.6, [0.001, 0.02, 0.3]),
        search(tmp_path / "random", None, [], looks=[undecided]),
        search(tmp_path / "magnitude", None, [], verdict="none found"),
    ])  # fmt: skip
    assert [[test.ratio for test in row.tested] for row in found] == [[0.5, 0.6, 0.7], [], []]
    picture = forest(found)
    for name in ("snip, weights", "random, weights: not shown", "magnitude, weights: none found"):
        assert f">simulated, {name}<" in picture
    assert [picture.count(f">{ratio}\u00a0% removed<") for ratio in (50, 60, 70)] == [1, 1, 1]
    assert picture == forest(found)


def test_searches_of_two_confidences_are_not_set_together(tmp_path: Path) -> None:
    strict = {"question": Search(confidence=0.99).model_dump(mode="json")}
    both = [search(tmp_path / "snip", 0.5, [0.001]), search(tmp_path / "prospr", 0.5, [0.001], **strict)]
    with pytest.raises(CellpruneError, match=r"--confidence 0\.95 and 0\.99"):
        rows(both)


def test_the_command_writes_their_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    both = [str(search(tmp_path / "snip", 0.6, [0.001, 0.02])), str(search(tmp_path / "random", None, [0.3]))]
    page = tmp_path / "searches.html"
    with pytest.raises(SystemExit) as leaving:
        main(["report", *both, "-o", str(page)])
    assert leaving.value.code == 0
    assert "60 % of the weights, adjusted p 0.040, holds" in capsys.readouterr().out
    assert "1 of 2 claims hold together" in page.read_text()
    assert "<code>--split sequence</code>, which holds out" in page.read_text()
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(["report", *both, f"{both[0]}/", "-o", str(page), "--json"])
    assert len(json.loads(capsys.readouterr().out)["searches"]) == 2, "a search that is named twice is one claim"
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / JOURNAL).write_text("{}")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "search.json").write_text("{}")
    with pytest.raises(SystemExit) as leaving:
        main(["report", *both, str(tmp_path / "begun"), "-o", str(page)])
    assert leaving.value.code == 0
    assert f"left out: {tmp_path / 'begun'}, without a result yet" in capsys.readouterr().err
    assert f"Left out, because they have no result yet: {tmp_path / 'begun'}." in page.read_text()
    with pytest.raises(SystemExit) as leaving:
        main(["report", str(tmp_path / "begun"), "-o", str(page)])
    assert leaving.value.code == 2
    assert f"no search with a result: {tmp_path / 'begun'}: go on" in capsys.readouterr().err
    for more, said in (
        ([str(tmp_path / "gone"), "-o", str(page)], "gone is no search, as others here are"),
        ([str(tmp_path / "old"), "-o", str(page)], "search.json is no result of this version of cellprune"),
        ([], "name it, such as -o searches.html"),
        (["-o", f"{both[0]}/search.json"], "is no name of a page"),
    ):
        with pytest.raises(SystemExit) as leaving:
            main(["report", *both, *more])
        assert leaving.value.code == 2
        assert said in capsys.readouterr().err
