"""`cellprune track` as a user types it: drawn cells in, scored tracks out, and everything that can be wrong."""

import csv
import json
from pathlib import Path

import drawn_tracks
import numpy as np
import pytest
import tifffile
from command_line import typed

from cellprune.cli import track
from cellprune.data.score import score
from cellprune.runs import modelfile


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give 01_GT of cells that move, divide and come late."""
    return drawn_tracks.write(tmp_path_factory.mktemp("track"), *drawn_tracks.truth(0), is_truth=True)


@pytest.fixture
def without_geff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Import no zarr, which takes long; `tests/lab/test_tracks.py` writes a GEFF."""
    monkeypatch.setattr(track, "find_spec", lambda name: None)


@pytest.fixture
def labels(truth: Path, tmp_path: Path) -> Path:
    """Give label images of the same cells, numbered anew in every frame."""
    for path in sorted((truth / "SEG").iterdir()):
        found = tifffile.imread(path)
        numbers = np.random.default_rng(0).permutation(np.arange(1, found.max() + 1))
        place = tmp_path / "cells/labels" / f"01_t{path.stem[-3:]}.tif"
        place.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(place, np.where(found > 0, np.append(0, numbers)[found], 0).astype(np.uint16))
    return place.parent


def test_a_models_numbers_link_its_cells_unless_others_are_given(
    labels: Path, tmp_path: Path, capsys, without_geff: None
) -> None:
    header = {
        "classes": ["background", "cell"], "zoom": [1, 1], "pixel_size_um": [0.5, 0.5],
        "linking": {"max_distance_px": 10, "max_gap": 1, "overlap": 0.5, "off_middle": 0},
    }  # fmt: skip
    modelfile.write(model := tmp_path / "model.safetensors", header, {"w": np.zeros(1, np.float32)}, {})

    def said(*more: object) -> dict:
        assert typed("track", labels, "-o", tmp_path / f"out{len(more)}", "--json", "--no-ctc", *more) == 0
        return json.loads(capsys.readouterr().out)["recordings"][0]

    usual, own = said(), said("--model", model)
    assert (own["max_distance_px"], own["max_gap"]) == (10, 1)
    assert own["divisions"] == 0 < usual["divisions"]
    scaled = said("--model", model, "--pixel-size", 0.25, 0.25, "--max-gap", 3)
    assert (scaled["max_distance_px"], scaled["max_gap"]) == (20, 3), "as many um; what is typed wins"
    words = ("track", labels, "-o", tmp_path / "none")
    assert typed(*words, "--model", tmp_path / "no.onnx") == 2
    assert typed(*words, "--max-gap", "100000") == 2
    told = capsys.readouterr().err.splitlines()
    assert "no.onnx" in told[0]
    assert told[1:] == ["cellprune: --max-gap 100000: give a number of frames up to 10000"]


def test_cells_are_followed_and_the_result_can_be_scored(
    truth: Path, labels: Path, tmp_path: Path, capsys, without_geff: None
) -> None:
    assert typed("track", labels.parent, "-o", tmp_path / "out", "--pixel-size", "0.5", "0.5", "--json") == 0
    out, err = capsys.readouterr()
    said = json.loads(out)["recordings"]
    assert [(one["sequence"], one["frames"], one["missing_frames"], one["max_gap"]) for one in said] == [
        ("01", 9, [], 2)
    ]
    assert len(err.splitlines()) == 1
    made = {path.name for path in (tmp_path / "out").iterdir()}
    assert made == {"tracks.csv", "cells.csv", "tracked", "ctc"}
    scores = score(truth, tmp_path / "out/ctc/01_RES").scores
    assert scores["seg"] == scores["det"] == 1
    assert scores["lnk"] > 0.85, "crowded cells that jump: most of them keep their tracks"
    tracks = list(csv.DictReader((tmp_path / "out/tracks.csv").read_text().splitlines()))
    assert len(tracks) == said[0]["tracks"]
    cells = list(csv.DictReader((tmp_path / "out/cells.csv").read_text().splitlines()))
    assert {cell["track"] for cell in cells} == {one["track"] for one in tracks}
    assert float(cells[0]["y_um"]) == float(cells[0]["y_px"]) / 2


def test_people_are_told_of_missing_frames_and_of_what_is_not_installed(
    labels: Path, tmp_path: Path, capsys, without_geff: None
) -> None:
    (labels / "01_t004.tif").unlink()
    assert typed("track", labels, "-o", tmp_path / "out", "--no-ctc", "--max-gap", "1") == 0
    out, err = capsys.readouterr()
    assert err.splitlines() == [
        "note: 01 has no label image of frame 4: cells are followed over the gap, if it is short",
        "note: no GEFF is written, since the package geff is missing: pip install 'cellprune[lab]'",
    ]
    assert "in 8 frames; a cell may move" in out
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"tracks.csv", "cells.csv", "tracked"}


def test_frames_that_no_track_can_cross_are_told(tmp_path: Path, capsys, without_geff: None) -> None:
    for at in (0, 60, 121, 180, 241):
        tifffile.imwrite(tmp_path / f"s{at:03d}.tif", np.eye(9, dtype=np.uint8))
    for day in ("01-31", "02-01", "02-02"):
        tifffile.imwrite(tmp_path / f"2024-{day}.tif", np.eye(9, dtype=np.uint8))
    assert typed("track", *sorted(tmp_path.glob("s*")), "-o", tmp_path / "a", "--no-ctc") == 0
    assert capsys.readouterr().err.splitlines()[0] == (
        "note: most frames of s have 58 numbers or more without an image before the next, and no track crosses more "
        "than 2 (--max-gap): number the frames one after the other, such as t000.tif and t001.tif"
    )
    assert typed("track", *sorted(tmp_path.glob("s*")), "-o", tmp_path / "b", "--no-ctc", "--max-gap", "60") == 0
    assert "has no label image of frame 1, 2, 3" in capsys.readouterr().err
    assert typed("track", *sorted(tmp_path.glob("2024*")), "-o", tmp_path / "c", "--no-ctc") == 0
    assert "note: 2024-01 has 2024-01-31.tif alone, so no track goes on: if it is of" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-o", "out"], "nothing to follow: give label images or folders of them"),
        (["LABELS"], "output"),
        (["nowhere", "-o", "out"], "there is no file or folder 'nowhere'"),
        (["LABELS/01_t000.tif", "-o", "out"], "01_t000.tif is alone: tracks need two images or more"),
        (["LABELS", "-o", "LABELS"], "is not empty: give an absent or empty folder as -o"),
        (["LABELS", "-o", "out", "--max-distance", "0"], "--max-distance 0: give a number of pixels above 0"),
        (["LABELS", "-o", "out", "--max-gap", "-1"], "max-gap"),
        (["LABELS", "-o", "out", "--pixel-size", "0", "1"], "--pixel-size 0 1: give height and width in um"),
        (["noise", "-o", "out"], "t000.tif has 9 numbers in 99 pieces, as an image of grey levels has: give label"),
        (["grey", "-o", "out"], "t001.tif holds float32 values, but labels are whole numbers: save them as 16 bit"),
    ],
)
def test_bad_words_are_answered_and_nothing_is_written(
    words: list[str], said: str, labels: Path, tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "grey").mkdir()
    for number, dtype in enumerate((np.uint8, np.float32)):
        tifffile.imwrite(tmp_path / f"grey/t{number:03d}.tif", np.eye(9, dtype=dtype))
    (tmp_path / "noise").mkdir()
    for number in range(2):
        dots = np.zeros((22, 18), np.uint8)
        dots[::2, ::2] = 1 + np.arange(99).reshape(11, 9) % 9
        tifffile.imwrite(tmp_path / f"noise/t{number:03d}.tif", dots)
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert typed("track", *(word.replace("LABELS", "cells/labels") for word in words)) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert (out, len(err.strip().splitlines()) <= 2) == ("", True)
    assert sorted(tmp_path.rglob("*")) == before
