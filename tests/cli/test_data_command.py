"""`cellprune data` as it is typed: exit codes, what is printed where, and that nothing heavy is imported."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from command_line import typed

from cellprune.data.simulated.simulate import simulate


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate(tmp_path_factory.mktemp("cli") / "cells", frames=4, size=(48, 64))


def test_check_prints_a_table_and_notes(cells: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("data", "check", cells) == 0
    printed = capsys.readouterr().out
    for word in ("sequence", "48 x 64", "uint8", "note: 02: cells without a gold mask: 1", "no errors"):
        assert word in printed


def test_check_describes_images_and_cells(cells: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("data", "check", cells) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("images: 1 channel, uint8, grey levels ") for line in lines)
    assert any(line.startswith("cells: median diameter ") and "in a network of 224 x 288 px" in line for line in lines)


def test_check_prints_one_json_object_and_nothing_else(cells: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("data", "check", cells, "--json") == 0
    assert json.loads(capsys.readouterr().out)["frames"] == 8


def test_errors_leave_with_1(cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("data", "check", tmp_path) == 1
    assert "error: " in capsys.readouterr().out
    assert typed("data", "check", tmp_path, "--json") == 1
    assert len(json.loads(capsys.readouterr().out)["errors"]) == 1


def test_no_such_set_leaves_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (("data", "check", "none"), ("data", "check", tmp_path / "none"), ("data", "fetch", "PhC-C2DH-U37")):
        assert typed(*words) == 2
        message = capsys.readouterr()
        assert message.out == ""
        assert message.err.count("\n") <= 2


def test_fetch_without_an_answer_leaves_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cellprune.data.sets.download.TRIES", 1)
    for proxy in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(proxy, "http://127.0.0.1:9")  # nobody listens there
    assert typed("data", "fetch", "PhC-C2DH-U373", "--data-root", tmp_path) == 1
    printed = capsys.readouterr()
    assert printed.out == "", "no terms of what does not come"
    assert "PhC-C2DH-U373.zip cannot be reached (Connection refused)" in printed.err
    assert "--from" in printed.err
    assert list(tmp_path.iterdir()) == []


def test_the_list_shows_what_is_known_and_what_is_here(
    cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "PhC-C2DH-U373").mkdir()
    assert typed("data", "list", "--data-root", tmp_path) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["PhC-C2DH-U373", "phase", "contrast", "0.65", "15", "yes"] in lines
    assert ["Fluo-N2DH-SIM+", "fluorescence", "no"] in lines
    assert typed("data", "list", "--json", "--data-root", tmp_path) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["data_root"] == str(tmp_path)
    by_name = {row["name"]: row for row in listed["datasets"]}
    assert len(by_name) == 15
    assert by_name["Fluo-N2DL-HeLa"]["pixel_size_um"] is None
    assert [name for name, row in by_name.items() if row["here"]] == ["PhC-C2DH-U373"]


def test_fetch_says_where_it_is_now_and_that_it_was_there(
    cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("data", "fetch", "DIC-C2DH-HeLa", "--from", cells, "--data-root", tmp_path)
    assert typed(*words) == 0
    terms, now, _ = capsys.readouterr().out.splitlines()
    assert terms == "Terms: the challenge's conditions of use, http://celltrackingchallenge.net/datasets/"
    assert now == f"DIC-C2DH-HeLa is now in {tmp_path / 'DIC-C2DH-HeLa'}"
    assert typed(*words) == 0
    again = capsys.readouterr().out
    assert "was already in" in again
    assert "Terms" not in again


def test_the_terms_are_not_shown_of_what_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for source in (tmp_path / "none.zip", tmp_path):
        assert typed("data", "fetch", "DIC-C2DH-HeLa", "--from", source, "--data-root", tmp_path / "root") == 2
        assert capsys.readouterr().out == ""


def test_simulate_makes_what_check_accepts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("data", "simulate", tmp_path / "dic", "--optics", "dic", "--frames", 4, "--size", 48, 50, "--seed", 2)
    assert typed(*words) == 0
    assert "2 sequences of 4 frames" in capsys.readouterr().out
    assert typed("data", "check", tmp_path / "dic") == 0
    assert typed(*words) == 2
    assert typed("data", "simulate", tmp_path / "x", "--optics", "dark") == 2
    assert typed("data", "simulate", tmp_path / "x", "--frames", "4.6") == 2
    assert typed("data", "simulate", tmp_path / "x", "--size", "48", "50.5") == 2


@pytest.mark.parametrize("words", [["--help"], ["check", "--help"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    code = (
        "import sys; from cellprune.cli.main import main\n"
        f"try: main(['data', *{words!r}])\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch', 'monai', 'scipy', 'skimage', 'tifffile'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert answer.stdout.endswith("[]\n")


def test_what_opens_data_needs_neither_torch_nor_monai() -> None:
    code = (
        "import sys, cellprune.data.open, cellprune.data.cells.split, cellprune.data.check, cellprune.data.fetch\n"
        "print(sorted({'torch', 'monai', 'albumentations'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert answer.stdout == "[]\n"


def test_the_command_simulates_what_the_function_does_by_default() -> None:
    from inspect import signature

    from cellprune.cli.data import simulate as command
    from cellprune.data.simulated.simulate import simulate as function

    ours, theirs = (signature(f).parameters for f in (command, function))
    assert {name: p.default for name, p in ours.items()} == {name: p.default for name, p in theirs.items()}


def test_many_sizes_are_counted_and_no_line_is_broken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for at in range(3):
        pixels = np.random.default_rng(at).integers(0, 255, (100, 101 + at)).astype(np.uint8)
        for kind, image in (("images", pixels), ("labels", (pixels > 200).astype(np.uint16))):
            (tmp_path / kind).mkdir(exist_ok=True)
            tifffile.imwrite(tmp_path / kind / f"{at}.tif", image)
    assert typed("data", "check", tmp_path) == 0
    _, head, row, *_ = capsys.readouterr().out.splitlines()
    assert head.split("  ")[-1].strip() == "type"
    assert "no gold mask" in head
    assert row.endswith("  3 sizes  uint8")
    assert len(row) == len(head)
