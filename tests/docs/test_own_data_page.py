"""The way from twenty annotated images to predictions: every command of the page, on small images."""

import shlex
import socket
from pathlib import Path

import imagecodecs
import numpy as np
import pages
import pytest
import tifffile
from command_line import typed

from cellprune.data.check import check

PAGE = pages.DOCS / "how-to/own-data.md"
TINY = ["--data.size", "32", "32", "--model.depth", "1", "--epochs", "1"]
FEW = ["--steps-per-epoch", "2"]  # of crops


def drawn(folder: Path, n: int, n_classes: int = 9) -> None:
    for place in ("images", "labels"):
        (folder / place).mkdir(parents=True)
    for at in range(n):
        random = np.random.default_rng(at)
        image, labels = random.integers(0, 90, (32, 36)).astype(np.uint16), np.zeros((32, 36), np.uint8)
        for cell in range(4):
            row, column = random.integers(0, 24, 2)
            labels[row : row + 8, column : column + 8] = cell % (n_classes - 1) + 1
            image[row : row + 8, column : column + 8] += 300
        tifffile.imwrite(folder / "images" / f"day1_{at:02d}.tif", image)
        (folder / "labels" / f"day1_{at:02d}_masks.png").write_bytes(imagecodecs.png_encode(labels))


def coded(folder: Path) -> None:
    """The page's own code, and the arrays that it reads."""
    drawn(folder / "days", 3)
    for place, name in (("images", "raw"), ("labels", "truth")):
        (folder / name).mkdir()
        for at, file in enumerate(sorted((folder / "days" / place).iterdir())):
            pixels = tifffile.imread(file) if file.suffix == ".tif" else imagecodecs.imread(file)
            np.save(folder / name / f"day{at}.npy", pixels)
    (code,) = pages.blocks(PAGE, "python")
    (folder / "cells.py").write_text(code, encoding="utf-8")


def bowl(folder: Path) -> None:
    """Two images with one mask per cell, as in the Data Science Bowl 2018."""
    for name in "ab":
        for part in ("images", "masks"):
            (folder / name / part).mkdir(parents=True)
        pixels = np.random.default_rng(0).integers(0, 255, (20, 24, 4)).astype(np.uint8)
        pixels[..., 3] = 255
        (folder / f"{name}/images/{name}.png").write_bytes(imagecodecs.png_encode(pixels))
        for cell in range(3):
            mask = np.zeros((20, 24), np.uint8)
            mask[2:9, 7 * cell : 7 * cell + 6] = 255
            (folder / f"{name}/masks/{cell}.png").write_bytes(imagecodecs.png_encode(mask))


def test_one_file_per_cell_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bowl(tmp_path / "annotated")
    monkeypatch.chdir(tmp_path)
    (line,) = [line for line in pages.commands(PAGE) if "data import" in line]
    assert typed(*line.split()[1:]) == 0
    found = check("./my-nuclei")
    assert (found.errors, found.gold, found.cells.gold, found.channels) == ((), 2, 6, (3,))


@pytest.mark.slow
def test_every_command_of_the_page_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("only `data fetch` may use the network")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.chdir(tmp_path)
    drawn(tmp_path / "my-cells", 20)
    drawn(tmp_path / "other-day", 3)
    drawn(tmp_path / "my-tissue", 6, n_classes=3)
    (tmp_path / "other-day" / "images").rename(tmp_path / "new-images")
    drawn(tmp_path / "images-again", 3)
    (tmp_path / "images-again" / "images").rename(tmp_path / "other-day" / "images")
    lines = list(pages.commands(PAGE))
    assert len(lines) == 14
    bowl(tmp_path / "annotated")
    coded(tmp_path)
    for line in lines:
        words = shlex.split(line.replace("--model.width 32", "--model.width 4"))[1:]
        more = [*(TINY if words[0] == "train" else []), *(FEW if "--crop" in words else [])]
        assert typed(*words, *more) == 0, f"{line}\n{capsys.readouterr().err}"
    assert (tmp_path / "runs" / "my-cells" / "report.html").is_file()
    assert len(list((tmp_path / "predicted" / "labels").iterdir())) == 3
