"""Small data sets drawn by hand: what each test says of them is meant to be counted by eye."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from cellprune.data.cells.frames import CLASSES
from cellprune.data.simulated.simulate import simulate
from cellprune.runs.modelcard import ModelCard

SIZE = (48, 64)
GREY = ModelCard(classes=CLASSES, zoom=(0.5, 0.5))  # of a network that finds cells in grey images


@pytest.fixture(scope="session")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small simulated set that no test may change: 2 sequences of 8 frames, 6 of them with gold truth each."""
    return simulate(tmp_path_factory.mktemp("simulated") / "cells", frames=8, size=(64, 72))


@pytest.fixture
def own_cells(cells: Path, tmp_path: Path) -> Path:
    """A copy of `cells` to damage."""
    import shutil

    return shutil.copytree(cells, tmp_path / "cells")


@pytest.fixture
def drawn(tmp_path: Path) -> "Callable[..., Path]":
    """Draw a set frame by frame from squares: (row, column) of their upper left corner, 8 px wide, 64 px in area."""
    return lambda frames, **options: draw(tmp_path / "drawn", frames, **options)


def draw(folder: Path, frames: dict[str, dict[str, list[tuple[int, int]]]], size: tuple[int, int] = SIZE) -> Path:
    """Write frames "01/000" -> {kind: squares}; kinds are gold, silver and markers, absent ones are not written."""
    for at, (name, truth) in enumerate(frames.items()):
        sequence, number = name.split("/")
        image = np.random.default_rng(at).integers(0, 255, size).astype(np.uint8)
        write(folder / sequence / f"t{number}.tif", image)
        for kind, squares in truth.items():
            labels = np.zeros(size, dtype=np.uint16)
            for label, (row, column) in enumerate(squares, start=1):
                side = 4 if kind == "markers" else 8
                corner = 2 if kind == "markers" else 0
                rows, columns = row + corner, column + corner
                # labels run backwards in the markers, as tracks and masks are numbered independently
                value = len(squares) + 1 - label if kind == "markers" else label
                labels[rows : rows + side, columns : columns + side] = value
            write(truth_path(folder, sequence, number, kind), labels)
    for sequence in {name.split("/")[0] for name in frames}:
        list_tracks(folder, sequence, frames)
    return folder


def truth_path(folder: Path, sequence: str, number: str, kind: str) -> Path:
    place, name = {"gold": ("GT/SEG", "man_seg"), "silver": ("ST/SEG", "man_seg"), "markers": ("GT/TRA", "man_track")}[
        kind
    ]
    return folder / f"{sequence}_{place}" / f"{name}{number}.tif"


def list_tracks(folder: Path, sequence: str, frames: dict[str, dict[str, list[tuple[int, int]]]]) -> None:
    shown: dict[int, list[int]] = {}
    for name, truth in frames.items():
        for track in range(1, len(truth.get("markers", [])) + 1) if name.startswith(sequence) else ():
            shown.setdefault(track, []).append(int(name[3:]))
    if shown:
        lines = [f"{track} {min(numbers)} {max(numbers)} 0\n" for track, numbers in shown.items()]
        (folder / f"{sequence}_GT" / "TRA" / "man_track.txt").write_text("".join(lines))


def write(path: Path, pixels: NDArray, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, pixels, compression="lzw", **options)
    return path
