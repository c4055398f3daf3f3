"""metrics.csv: what is written is read, older tables are mended, damaged ones are named."""

from dataclasses import replace
from pathlib import Path

import pytest

from cellprune.errors import CellpruneError
from cellprune.runs import documents, metrics
from cellprune.runs.metrics import Epoch

FIRST = Epoch(0, 1, 0.1 + 0.2, {"iou_image_mean": None, "iou_pooled": None}, 2e-3, 0.9, 12.345)
LAST = Epoch(0, 2, 1e-17, {"iou_image_mean": 0.5, "iou_pooled": 1.0}, 1e-5, 0.9, 12.0)


def test_what_is_written_is_read_to_the_last_digit(tmp_path: Path) -> None:
    metrics.write(tmp_path / "metrics.csv", [FIRST, LAST])
    assert metrics.read(tmp_path / "metrics.csv") == (FIRST, LAST)
    header = (tmp_path / "metrics.csv").read_text().splitlines()[0]
    assert header == "stage,epoch,loss,iou_image_mean,iou_pooled,learning_rate,sparsity,seconds"
    metrics.write(tmp_path / "metrics.csv", [])
    assert metrics.read(tmp_path / "metrics.csv") == ()


def test_an_epoch_before_the_first_evaluation_has_empty_cells(tmp_path: Path) -> None:
    metrics.write(tmp_path / "metrics.csv", [replace(FIRST, scores={}), LAST])
    assert metrics.read(tmp_path / "metrics.csv") == (FIRST, LAST)


def test_a_row_is_an_epoch_again() -> None:
    assert Epoch.of_row(LAST.row) == LAST
    with pytest.raises(TypeError, match="loss"):
        Epoch.of_row({"stage": 0, "epoch": 1})


def test_an_older_table_says_nothing_of_sparsity(tmp_path: Path) -> None:
    older = {name: value for name, value in LAST.row.items() if name != "sparsity"}
    documents.write_table(tmp_path / "metrics.csv", [older])
    assert metrics.read(tmp_path / "metrics.csv") == (replace(LAST, sparsity=None),)


def test_a_damaged_table_is_named_with_its_column(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("stage,epoch,loss,learning_rate,seconds\n0,1,high,0.1,1.0\n")
    with pytest.raises(CellpruneError, match=r"metrics.csv is damaged \(0.loss: input should be a valid number"):
        metrics.read(tmp_path / "metrics.csv")
    (tmp_path / "metrics.csv").write_text("stage,epoch,learning_rate,seconds\n0,1,0.1,1.0\n")
    with pytest.raises(CellpruneError, match=r"metrics.csv is damaged \(0.loss: field required\)"):
        metrics.read(tmp_path / "metrics.csv")
