"""A part without a pixel that counts is refused before training; a frame without one is named."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import typed

from cellprune.data.cells.known import NothingKnownError
from cellprune.data.cells.loaders import Loaders
from cellprune.data.cells.split import Split, split, whole
from cellprune.data.check import check
from cellprune.data.open import open_dataset

from ..conftest import GREY
from ..plain_folders import SIZE, filled, save

NOTHING = np.full(SIZE, 255, np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return filled(tmp_path / "cells", "images/c{}.tif", "labels/c{}.tif", n=6)


def unknown(folder: Path, names: list[str]) -> Split:
    for name in names:
        save(folder / "ignore" / name, NOTHING)
    return split(open_dataset(str(folder)), how="block", policy="ignore")


def loaded(made: Split) -> Loaders:
    return Loaders(made, card=GREY, size=(16, 16), batch_size=1, seed=0)


@pytest.mark.parametrize(("part", "use"), [("train", "learned"), ("report", "scored")])
def test_a_part_of_ignored_pixels_is_refused(folder: Path, part: str, use: str) -> None:
    names = [frame.id for frame in unknown(folder, []).part(part)]
    made = unknown(folder, names)
    said = f"every pixel of {', '.join(names)} is ignored under truth policy 'ignore', so nothing can be {use}: correct"
    with pytest.raises(NothingKnownError, match=said):
        loaded(made)


def test_one_known_pixel_that_the_network_is_not_shown_is_none(folder: Path) -> None:
    one = NOTHING.copy()
    one[0, 0] = 0  # resizing to 16 x 16 does not take it
    for frame in unknown(folder, []).train:
        save(folder / "ignore" / frame.id, one)
    with pytest.raises(NothingKnownError, match="nothing can be learned"):
        loaded(split(open_dataset(str(folder)), how="block", policy="ignore"))


def test_a_single_frame_is_named(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    name = unknown(folder, []).train[0].id
    made = unknown(folder, [name])
    assert loaded(made).n_train == 5
    said = f"warning: every pixel of {name} is ignored under truth policy 'ignore': nothing is learned there"
    assert [record.getMessage() for record in caplog.records] == [said]


def test_an_empty_part_is_no_fault(folder: Path) -> None:
    assert loaded(whole(open_dataset(str(folder)), policy="ignore")).n_train == 0
    made = unknown(folder, [])
    assert loaded(replace(made, report=())).n_train == 5


def test_check_says_the_same(folder: Path) -> None:
    unknown(folder, ["c1.tif"])
    report = check(str(folder))
    assert report.errors == ()
    assert "cells: every pixel is ignored in c1.tif: nothing is learned or scored there" in report.notes
    unknown(folder, [f"c{at}.tif" for at in range(6)])
    assert "there is nothing to learn or to score" in check(str(folder)).errors[0]


def test_training_is_refused_and_writes_nothing(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unknown(folder, [f"c{at}.tif" for at in range(6)])
    words = ("--model.width", 2, "--data.size", 16, 16, "--epochs", 1, "-o", tmp_path / "run")
    assert typed("train", "--dataset", f"{folder}/", *words) == 2
    assert "so nothing can be learned" in capsys.readouterr().err
    assert not (tmp_path / "run").exists() or not list((tmp_path / "run").iterdir())
