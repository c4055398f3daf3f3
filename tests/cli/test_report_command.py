"""`cellprune report`: one run's page again, several on one page, and what it refuses."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import typed

from cellprune.runs.folder import Folder

pytestmark = pytest.mark.usefixtures("each_figure_once")


def told(*words: object) -> int:
    return typed("report", *words)


def test_several_runs_get_a_page(
    make_run: Callable[..., Folder], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dense, pruned = make_run("dense", ratio=0, n_images=2), make_run("pruned", n_images=2)
    page = tmp_path / "page.html"
    assert told(dense.path, pruned.path, "-o", page) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[0].split() == ["PhC-C2DH-U373", "SEG", "IoU,", "native", "difference"]
    seg = dense.read_scores().cells.summary["seg"]
    assert said.splitlines()[1].split()[:3] == ["1", "dense", f"{seg:.4f}"]
    assert "reference" in said
    assert "+0.0000" in said
    assert said.endswith(f"Look at: {page}\n")
    assert "2 runs side by side" in page.read_text()
    assert not dense.has("report")
    assert told(dense.path, pruned.path, page, "-o", page) == 0, "again, and the page itself was in runs/*"


def test_runs_that_are_not_finished_are_left_out_and_named(
    make_run: Callable[..., Folder], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other, half = make_run("one", n_images=1), make_run("other", ratio=0, n_images=1), make_run("half", n_images=1)
    half.write_provenance(replace(half.read_provenance(), finished=None))
    begun, page = tmp_path / "begun", tmp_path / "page.html"
    begun.mkdir()  # and killed at once
    assert told(one.path, other.path, half.path, begun, "-o", page, "--json") == 0
    said = capsys.readouterr()
    answer = json.loads(said.out)
    assert answer["left_out"] == [str(half.path), str(begun)]
    assert len(answer["groups"][0]["runs"]) == 2
    assert [line.partition(",")[0] for line in said.err.splitlines()] == [
        f"left out: {half.path}",
        f"left out: {begun}",
    ]
    assert f"Left out because unfinished: {half.path}, {begun}." in page.read_text()


def test_json_is_one_object_with_the_numbers(
    make_run: Callable[..., Folder], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dense, pruned = make_run("dense", ratio=0, n_images=2), make_run("pruned", n_images=2)
    page = tmp_path / "page.html"
    assert told(dense.path, pruned.path, "-o", page, "--json", "--reference", pruned.path) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["page"] == str(page)
    (group,) = answer["groups"]
    assert [run["run"] for run in group["runs"]] == ["pruned", "dense"]
    assert group["runs"][1]["differences"]["native"]["by_name"] == {"01/000": 0, "02/001": 0}


@pytest.mark.slow
def test_one_run_gets_its_own_page(
    make_run: Callable[..., Folder], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run("one", n_images=1)
    assert told(run.path) == 0
    assert f"Look at: {run.file('report')}" in capsys.readouterr().out
    first = run.file("report").read_text()
    assert "Best, median and worst image" in first
    run.file("report").write_text("damaged")
    assert told(run.path, "--json") == 0
    assert run.file("report").read_text() == first
    assert json.loads(capsys.readouterr().out)["page"] == str(run.file("report"))
    page = tmp_path / "page.html"
    assert told(run.path, "-o", page) == 0
    assert page.read_text() == first


def test_a_page_of_ours_is_replaced_and_nothing_else(make_run: Callable[..., Folder], tmp_path: Path) -> None:
    one, other = make_run("one", n_images=1), make_run("other", n_images=1, ratio=0)
    page = tmp_path / "page.html"
    page.write_text("<p>a page of somebody else</p>")
    assert told(one.path, other.path, "-o", page) == 2
    assert "somebody" in page.read_text()
    assert told(one.path) == 0
    mine = one.file("report").read_bytes()
    assert told(one.path, other.path, "-o", one.file("report")) == 2, "a run keeps its own page"
    assert one.file("report").read_bytes() == mine


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ([], "no run is named"),
        (["one", "other"], "name it, such as -o comparison.html"),
        (["one", "one", "-o", "page.html"], "named twice"),
        (["one", "link", "-o", "page.html"], "named twice"),
        (["one", "--reference", "missing", "-o", "page.html"], "there is no missing"),
        (["one", "missing", "-o", "page.html"], "there is no missing"),
        (["one", "foreign", "-o", "page.html"], "foreign is no run"),
        (["one", ".", "-o", "page.html"], "is a folder of runs: give the runs in it"),
        (["one", "one/config.yaml", "-o", "page.html"], "one/config.yaml is no run"),
        (["half", "half2", "-o", "page.html"], "not finished: half, half2"),
        (["one", "--reference", "half", "-o", "page.html"], "not finished: half"),
        (["empty", "-o", "page.html"], "empty is no run"),
        (["half"], "not finished: half"),
        (["one", "damaged", "-o", "page.html"], "scores.json is damaged"),
        (["damaged"], "scores.json is damaged"),
        (["one", "other", "-o", "page"], "name an .html file"),
        (["one", "other", "-o", "missing/page.html"], "a file in a folder that is there"),
        (["one", "other", "-o", "folder.html"], "a file in a folder that is there"),
    ],
)
def test_what_is_refused_is_said_in_one_line(
    words: list[str],
    part: str,
    make_run: Callable[..., Folder],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    make_run("one", n_images=1)
    make_run("other", n_images=1, ratio=0)
    for name in ("half", "half2"):
        half = make_run(name, n_images=1)
        half.write_provenance(replace(half.read_provenance(), finished=None))
    make_run("damaged", n_images=1).file("scores").write_text("{")
    Path("empty").mkdir()
    Path("foreign").mkdir()
    Path("foreign", "thesis.tex").touch()
    Path("folder.html").mkdir()
    Path("link").symlink_to("one")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert told(*words) == 2
    said = capsys.readouterr()
    assert part in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before, "nothing is written"
