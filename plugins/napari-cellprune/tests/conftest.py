"""What the tests of the plug-in share: folders as cellprune leaves them, and a model."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from drawn_recording import N_FRAMES, SIZE, TRACKS, bright_model, cells_at


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees, or writes, what the developer's machine has measured."""
    monkeypatch.setenv("CELLPRUNE_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def challenge(tmp_path: Path) -> Path:
    """A data set of one sequence: outlines of the first frame alone, and a result for all."""
    folder = tmp_path / "Drawn-cells"
    for inner in ("01", "01_GT/SEG", "01_GT/TRA", "01_RES"):
        (folder / inner).mkdir(parents=True)
    for at in range(N_FRAMES):
        labels = cells_at(at)
        pixels = (20 + 100 * (labels > 0) + np.indices(SIZE).sum(0) % 3).astype(np.uint8)
        tifffile.imwrite(folder / f"01/t{at:03d}.tif", pixels)
        tifffile.imwrite(folder / f"01_GT/TRA/man_track{at:03d}.tif", labels)
        tifffile.imwrite(folder / f"01_RES/mask{at:03d}.tif", labels)
    tifffile.imwrite(folder / "01_GT/SEG/man_seg000.tif", cells_at(0))
    for name in ("01_GT/TRA/man_track.txt", "01_RES/res_track.txt"):
        (folder / name).write_text(TRACKS)
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return bright_model(tmp_path / "bright.onnx")
