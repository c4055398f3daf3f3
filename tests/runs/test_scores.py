"""scores.json: what is written is read; schema 1 is mended; newer and damaged files are named."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cellprune.errors import CellpruneError
from cellprune.evaluation.cells import CellCount, ScoredCells
from cellprune.evaluation.iou import ClassCount, ScoredImage
from cellprune.runs import scores
from cellprune.runs.scores import CellScores, ClassificationScores, ClassScores, Picture, Scores, SegmentationScores

CLASSES = (ClassCount("background", 8, 10, 9), ClassCount("cell", 1, 3, 2))
CELLS = SegmentationScores(
    task="segmentation",
    policy="ignore",
    part="report",
    images=(
        ScoredImage("01/000", "01", 0, "network", CLASSES, 4),
        ScoredImage("01/000", "01", 0, "native", CLASSES, 9),
    ),
    summary={"iou_image_mean": {"network": 0.6, "native": None}},
    pictures=(Picture("01/000", "best", 0.6, "AAAA"),),
    cells=CellScores(
        50,
        (ScoredCells("01/000", "01", 0, CellCount(3, 2, 1.5, (2, 1, 0), 0.25, 1, 0, 0, 1, 0)),),
        {"seg": 0.5, "ap_50": None},
    ),
)
PICTURES = ClassificationScores(
    task="classification",
    policy=None,
    part="report",
    classes=(ClassScores("cat", 2, 1, 0.5, "10"), ClassScores("dog", 0, 0, None, "")),
    confusion=((1, 1), (0, 0)),
    summary={"accuracy": 0.5, "accuracy_class_mean": 0.5},
)


def write(tmp_path: Path, content: dict[str, Any]) -> Path:
    (tmp_path / "scores.json").write_text(json.dumps(content))
    return tmp_path / "scores.json"


@pytest.mark.parametrize("value", [CELLS, PICTURES])
def test_what_is_written_is_read(tmp_path: Path, value: Scores) -> None:
    scores.write(tmp_path / "scores.json", value)
    assert scores.read(tmp_path / "scores.json") == value


def test_the_layout_has_a_number_and_says_network_for_the_networks_size() -> None:
    content = scores.content(CELLS)
    assert list(content) == ["schema", "task", "policy", "part", "images", "summary", "pictures", "cells"]
    assert content["schema"] == 3
    assert content["images"][0] == {
        "id": "01/000", "sequence": "01", "frame": 0, "size": "network", "ignored_px": 4,
        "classes": [{"name": "background", "intersection": 8, "union": 10, "truth": 9},
                    {"name": "cell", "intersection": 1, "union": 3, "truth": 2}],
    }  # fmt: skip


def test_schema_1_is_read(tmp_path: Path) -> None:
    older = scores.content(CELLS) | {"schema": 1, "summary": {"iou_image_mean": {"256": 0.6, "native": None}}}
    older["images"][0]["size"] = "256"
    del older["pictures"], older["cells"], older["images"][1]["classes"][1]["truth"]
    read = scores.read(write(tmp_path, older))
    assert isinstance(read, SegmentationScores)
    assert read.summary == CELLS.summary
    assert read.images[0] == CELLS.images[0]
    assert read.images[1].classes == (CLASSES[0], replace(CLASSES[1], truth=None))
    assert read.pictures == ()


def test_schema_2_is_read_and_has_no_cells(tmp_path: Path) -> None:
    older = scores.content(CELLS) | {"schema": 2}
    del older["cells"]
    assert scores.read(write(tmp_path, older)) == replace(CELLS, cells=None)


def test_older_classifications_do_not_say_which_images_are_right(tmp_path: Path) -> None:
    older = scores.content(PICTURES) | {"schema": 1}
    del older["classes"][0]["right"]
    read = scores.read(write(tmp_path, older))
    assert isinstance(read, ClassificationScores)
    assert read.classes[0] == replace(PICTURES.classes[0], right=None)
    assert (read.n_images, read.n_correct) == (2, 1)


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, scores.content(CELLS) | {"schema": 4})
    with pytest.raises(CellpruneError, match=r"scores.json has schema 4, this cellprune reads up to 3: update it"):
        scores.read(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"images": None}, "images: "),
        ({"schema": 1, "images": [{}]}, "it lacks 'size'"),
        ({"schema": 1, "images": None}, "its values are of other kinds"),
        ({"summary": {"iou_image_mean": {"256": 0.5}}}, "summary.iou_image_mean.256"),
    ],
)
def test_a_damaged_file_is_named_with_its_key(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    path = write(tmp_path, scores.content(CELLS) | change)
    with pytest.raises(CellpruneError, match=rf"scores.json is damaged \({said}"):
        scores.read(path)
