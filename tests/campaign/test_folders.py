"""Folders that cannot take runs, or a table of them, are refused before any work."""

from pathlib import Path

import pytest

from cellprune.campaign.folders import require_folders
from cellprune.errors import CellpruneError


def test_folders_that_cannot_be_are_refused_and_nothing_is_made(tmp_path: Path) -> None:
    file, runs, table = tmp_path / "file", tmp_path / "runs", tmp_path / "table"
    file.touch()
    require_folders(runs, table, "a table")
    for theirs, ours, said in (
        (file, table, "--runs .*file is a file, not a folder: give another"),
        (runs, file / "table", "--output .*table: .*file is a file, not a folder: give another"),
        (table / "runs", table, "--runs .* lies in --output .*, which holds a table and nothing else"),
    ):
        with pytest.raises(CellpruneError, match=said):
            require_folders(theirs, ours, "a table")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
