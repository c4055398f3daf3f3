"""Labels that draw cells without numbers: classes are learned of them, and a line says so."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from cellprune import experiment
from cellprune.config.load import load
from cellprune.config.schema import Runtime, Settings
from cellprune.experiment.opening import open_data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two images, of two cells each."""
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    for number in range(2):
        labels = np.zeros((32, 32), np.uint8)
        labels[2:9, 2:9], labels[2:9, 12:20] = 1, 2
        tifffile.imwrite(tmp_path / "images" / f"a{number}.tif", 90 * labels)
        tifffile.imwrite(tmp_path / "labels" / f"a{number}.tif", labels)
    return tmp_path


def opened(folder: Path, *more: str) -> Settings:
    return open_data(load(assignments=[f"data.dataset={folder}", "data.holdout=0.5", *more]), None).settings


def test_only_labels_that_number_their_cells_show_borders(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert opened(folder).data.target == "border"
    for file in (folder / "labels").iterdir():
        tifffile.imwrite(file, 255 * (tifffile.imread(file) > 0).astype(np.uint8))
    assert not caplog.records
    ours = opened(folder)
    assert (ours.data.target, ours.training.loss) == ("classes", "cross-entropy+dice")
    assert "draw cells and do not number them, so no border" in caplog.text
    assert ours.identity() == opened(folder, "data.target=classes").identity(), "by either way the same run"
    unsettled = load(assignments=[f"data.dataset={folder}"])
    assert experiment.settled(unsettled, runtime=Runtime(device="cpu")).data.target == "classes", "as a sweep asks it"
    asked = opened(folder, "data.target=border", "training.loss=dice")
    assert (asked.data.target, asked.training.loss) == ("border", "dice"), "who asks for it has it"
    assert "so --target border takes cells that touch for one" in caplog.text
