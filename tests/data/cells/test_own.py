"""Images and labels that a user's own code gives: a folder of plain files, or one line that names what is wrong."""

from pathlib import Path

import numpy as np
import pytest

from cellprune.config import own
from cellprune.data.cells.own import folder_of
from cellprune.data.check import check
from cellprune.data.open import open_dataset
from cellprune.errors import CellpruneError
from cellprune.images.read import read_image, read_labels

CODE = """
import numpy as np


def cells():
    for at in range(3):
        image = np.full((20, 24), 10 * at, np.uint8)
        image[2:6, 2:6] = 99
        labels = np.zeros((20, 24), int)
        labels[2:6, 2:6] = 70_000 if at == 2 else 1
        yield f"day{at}", image, labels
    yield "day3", image, None


def given():
    return np.load("given.npy", allow_pickle=True).item()


def fails():
    yield "a", np.zeros((9, 9)), np.zeros((9, 9), int)
    raise OSError("the disk is gone")


nothing = 3
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets/mine.py").write_text(CODE, encoding="utf-8")
    return tmp_path


def test_it_is_a_data_set_of_files_that_are_written_once(here: Path) -> None:
    dataset = open_dataset("sets/mine.py:cells", data_root=here / "data")
    assert (dataset.name, dataset.channels) == ("mine.py:cells", 1)
    assert [frame.image.name for frame in dataset.gold_frames] == ["day0.tif", "day1.tif", "day2.tif"]
    assert "day3" in " ".join(dataset.left_aside)
    inspection = check("sets/mine.py:cells", here / "data")
    assert not inspection.errors
    last = dataset.gold_frames[-1]
    assert last.gold is not None
    assert np.array_equal(np.unique(read_labels(last.gold)), [0, 70_000])
    assert read_image(last.image).shape == (1, 20, 24)
    (folder,) = (here / "data/own").iterdir()
    written = {path: path.stat().st_mtime_ns for path in folder.rglob("*.tif")}
    assert folder_of("sets/mine.py:cells", own.sha256("sets/mine.py:cells"), here / "data") == folder
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.tif")} == written
    with pytest.raises(CellpruneError, match=r"mine.py has changed since mine.py:cells was used: restore it"):
        folder_of("sets/mine.py:cells", "0" * 64, here / "data")


def test_a_data_root_that_cannot_be_written_is_named(here: Path) -> None:
    (here / "data").write_text("a file")
    with pytest.raises(
        CellpruneError, match=r"data/own cannot be written to \(.*\): free space, or name another place"
    ):
        folder_of("sets/mine.py:cells", None, here / "data")


IMAGE, LABELS = np.zeros((9, 9), np.uint8), np.ones((9, 9), int)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (3, r"gives int: let it give triples \(name, image, labels\), one for each image"),
        ({"a": IMAGE}, "gives dict: let it give triples"),
        ([IMAGE], r"item 0 is ndarray: give \(name, image, labels\)"),
        ([(IMAGE, LABELS)], "item 0 is 2 values: give"),
        ([("a/b", IMAGE, LABELS)], "item 0 has the name 'a/b': give letters, digits"),
        ([("a", IMAGE, LABELS), ("A", IMAGE, LABELS)], "item 1: 'A' is named twice"),
        ([("a", IMAGE.astype(complex), LABELS)], r"item 0 \(a\) has an image of complex128 \(9, 9\): give \(H, W\)"),
        ([("a", IMAGE[None, None], LABELS)], r"item 0 \(a\) has an image of uint8 \(1, 1, 9, 9\)"),
        ([("a", IMAGE + np.nan, LABELS)], r"item 0 \(a\) has NaN or infinity in its image"),
        ([("a", IMAGE, LABELS[1:])], r"has labels of int64 \(8, 9\): give whole numbers of the image's \(9, 9\)"),
        ([("a", IMAGE, LABELS / 2)], r"has labels of float64 \(9, 9\)"),
        ([("a", IMAGE, -LABELS)], "has the label -1: give 0 for background"),
        ([("a", IMAGE, None)], "gives no image with labels"),
    ],
)
def test_what_is_no_image_with_labels_is_named(here: Path, given: object, words: str) -> None:
    np.save(here / "given.npy", _boxed(given), allow_pickle=True)
    with pytest.raises(CellpruneError, match=words):
        folder_of("sets/mine.py:given", None, here / "data")
    assert not list((here / "data").rglob("*.tif"))


def _boxed(given: object) -> np.ndarray:
    box = np.empty((), dtype=object)
    box[()] = given
    return box


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mine.py:cells", r"no file 'mine.py' in "),
        ("sets/mine.py:cell", r"no data set 'cell' \(in sets/mine.py\).\nDid you mean 'cells'"),
        ("sets/mine.py:nothing", r"data set 'mine.py:nothing' is int: give a function without arguments"),
        (
            "sets/mine.py:fails",
            r"data set 'mine.py:fails' failed \(OSError: the disk is gone, line 21\): mend its code",
        ),
    ],
)
def test_code_that_gives_nothing_is_named(here: Path, name: str, words: str) -> None:
    with pytest.raises(CellpruneError, match=words):
        folder_of(name, None, here / "data")
