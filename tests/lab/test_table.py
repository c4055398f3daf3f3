"""cells.csv: rows that wait on the disk, and what spreadsheets do with names."""

import csv
import errno
import os
from pathlib import Path

import pytest

from cellprune.errors import WorkError
from cellprune.lab.cells import COLUMNS
from cellprune.lab.table import Table, write_csv

ROW = dict.fromkeys(COLUMNS) | {"image": "a.tif", "label": 1, "y_px": -1.5}


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_rows_come_back_as_they_went_and_leave_no_file(tmp_path: Path) -> None:
    table = Table(tmp_path)
    rows = [ROW | {"mean_c0": 0.1 + 0.2}, ROW | {"image": "ü", "label": 2, "mean_c0": 3.0}]
    table.add(rows[:1])
    assert [*table] == rows[:1]
    table.add(rows[1:])
    assert [*table] == rows == [*table], "it may be read again"
    assert len(table) == 2
    write_csv(tmp_path / "cells.csv", table)
    assert list(read(tmp_path / "cells.csv")[0]) == [*COLUMNS, "mean_c0"]
    del table
    assert [path.name for path in tmp_path.iterdir()] == ["cells.csv"]


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    table = Table(tmp_path)
    monkeypatch.setattr(table._file, "flush", full)
    with pytest.raises(WorkError, match="No space left on device"):
        table.add([ROW])


def test_a_table_without_cells_has_its_header(tmp_path: Path) -> None:
    write_csv(tmp_path / "cells.csv", [])
    assert (tmp_path / "cells.csv").read_text() == ",".join(COLUMNS) + "\n"


@pytest.mark.parametrize(
    "name", ["=cmd|' /C calc'!A1", "+1", "-1", "@SUM(A1)", "\t=1", 'a,"b".tif', "<b>x</b>.tif", "ü\nx"]
)
def test_names_from_outside_are_no_formulas_and_break_no_line(name: str, tmp_path: Path) -> None:
    write_csv(tmp_path / "cells.csv", [ROW | {"image": name, "class": name}])
    (row,) = read(tmp_path / "cells.csv")
    assert row["image"].removeprefix("'") == name
    assert not row["image"].startswith(("=", "+", "-", "@", "\t"))
    assert row["class"] == row["image"]
    assert row["y_px"] == "-1.5", "a number stays one"
    assert row["x_um"] == "", "unknown is empty"
