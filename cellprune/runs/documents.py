"""The readable files of a run: YAML, JSON and tables, written whole or not at all, read with a clear answer."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from cellprune.config import yaml12
from cellprune.errors import CellpruneError
from cellprune.files import reading
from cellprune.runs import atomic
from cellprune.wording import reason

_MOST_BYTES = 2**28  # the split of 100,000 frames has a tenth of it


def write_yaml(path: Path, content: Mapping[str, Any]) -> None:
    """Write a mapping of plain values, its keys in the order they come."""
    atomic.write_text(path, yaml12.write(content))


def read_yaml(path: Path) -> dict[str, Any]:
    """Give the mapping; CellpruneError where it is absent or damaged."""
    try:
        return _mapping(path, yaml12.read(read_text(path), keeps_1_1_text=True))
    except yaml12.YamlError as error:
        raise _damaged(path, error) from error


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a mapping of JSON values; ValueError for NaN, which other readers refuse: an undefined value is None."""
    atomic.write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Give the mapping; CellpruneError where it is absent or damaged."""
    try:
        return _mapping(path, json.loads(read_text(path)))
    except (ValueError, RecursionError) as error:  # no JSON, a number without end, lists without end
        raise _damaged(path, error) from error


def write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write one line per row, None or a missing key as an empty cell; floats keep every digit.

    The columns are the keys of the row that has the most.
    """
    text = io.StringIO()
    table = csv.DictWriter(text, list(max(rows, key=lambda row: len(row), default=[])), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    atomic.write_text(path, text.getvalue())


def read_table(path: Path) -> list[dict[str, Any]]:
    """Give the rows as they were written: int, float, text, or None for an empty cell."""
    try:
        rows = list(csv.reader(io.StringIO(read_text(path))))
    except csv.Error as error:
        raise _damaged(path, error) from error
    if any(len(row) != len(rows[0]) for row in rows):
        raise _damaged(path, "its lines differ in length")
    return [dict(zip(rows[0], map(_value, row), strict=True)) for row in rows[1:]]


def read_text(path: Path) -> str:
    """Give the text; CellpruneError where it is absent or not UTF-8."""
    try:
        return reading.text_of(path, most=_MOST_BYTES)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise CellpruneError(f"{path.parent} has no {path.name}: give the folder of a run that has one") from error
    except UnicodeDecodeError as error:
        raise _damaged(path, error) from error
    except OSError as error:
        raise CellpruneError(f"{path} cannot be read ({error.strerror}): check the path") from error


def _value(cell: str) -> Any:
    if not cell:
        return None
    for kind in (int, float):
        with suppress(ValueError):
            return kind(cell)
    return cell


def _mapping(path: Path, content: Any) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise _damaged(path, "it holds no mapping")
    return content


def _damaged(path: Path, why: str | BaseException) -> CellpruneError:
    said = why if isinstance(why, str) else reason(why)
    return CellpruneError(f"{path} is damaged ({said}): restore it, or make the run again")
