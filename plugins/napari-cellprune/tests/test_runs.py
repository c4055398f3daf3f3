"""A run as layers: what it was scored on."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from cellprune.data.cells.split import split
from cellprune.data.open import open_dataset
from cellprune.errors import CellpruneError
from cellprune.runs.folder import Folder
from napari_cellprune import runs


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of a folder of six images, three of them held out and of two sizes, named from where it was trained."""
    for inner in ("cells/images", "cells/labels", "runs/one"):
        (tmp_path / inner).mkdir(parents=True)
    for at, size in enumerate(((20, 24), (20, 24), (30, 24), (20, 24), (30, 24), (20, 24))):
        labels = np.zeros(size, np.uint16)
        labels[3:9, 4 : 10 + at] = 7
        tifffile.imwrite(tmp_path / f"cells/labels/a{at}.tif", labels)
        tifffile.imwrite(tmp_path / f"cells/images/a{at}.tif", (labels * 9 + at).astype(np.uint8))
    folder = Folder(tmp_path / "runs/one")
    dataset = open_dataset(f"{tmp_path / 'cells'}/")
    parts = split(dataset, how="random", holdout=0.6, policy="paper")
    folder.write_split(parts.written())
    folder.write_config({"data": {"dataset": "./cells"}})
    folder.file("model").write_bytes(b"not looked at")
    assert {frame.image.name for frame in parts.report} == {"a0.tif", "a1.tif", "a2.tif"}
    return folder.path


def test_a_run_shows_its_held_out_images_with_their_truth_and_names_itself(run: Path) -> None:
    assert runs.is_one(run)
    (image, said, _), (truth, *_), (other, said_of_other, _), *_ = runs.layers(run)
    assert (image.shape, other.shape) == ((2, 20, 24), (30, 24))
    assert np.array_equal(truth, 7 * (image > 10))
    assert said["metadata"] == {"cellprune model": str(run), "frames": ["a0.tif", "a1.tif"]}
    assert (said["visible"], said_of_other["visible"]) == (True, False)
    assert said_of_other["name"] == "held out 30 x 24"


def test_a_run_whose_data_are_gone_or_changed_says_so(run: Path) -> None:
    image = run.parents[1] / "cells/images/a1.tif"
    tifffile.imwrite(image, tifffile.imread(image) + 1)
    with pytest.raises(CellpruneError, match="is not the file that was split: its sha256 changed"):
        runs.layers(run)
    image.parents[1].rename(run.parents[1] / "elsewhere")
    with pytest.raises(CellpruneError, match=r"one learned from \./cells, which is not there: bring the folder back"):
        runs.layers(run)
    Folder(run).write_config({"data": 1})
    with pytest.raises(CellpruneError, match=r"config\.yaml names no data set: copy the run again"):
        runs.layers(run)
