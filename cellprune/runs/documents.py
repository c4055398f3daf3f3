"""The readable files of a run: YAML, JSON and tables, written whole or not at all, read with a clear answer."""

import csv
import io
import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from cellprune.errors import CellpruneError
from cellprune.files import reading
from cellprune.runs import atomic
from cellprune.wording import reason

_MOST_BYTES = 2**28  # the split of 100,000 frames has a tenth of it
_Value = TypeVar("_Value")
_Content = TypeVar("_Content")


def write_yaml(path: Path, content: Mapping[str, object]) -> None:
    """Write a mapping of plain values, its keys in the order they come."""
    from cellprune.config import yaml12

    atomic.write_text(path, yaml12.write(content))


def read_yaml(path: Path) -> dict[str, Any]:
    """Give the mapping; CellpruneError where it is absent or damaged."""
    from cellprune.config import yaml12  # which `predict` does without

    try:
        return _mapping(path, yaml12.read(read_text(path), keeps_1_1_text=True))
    except yaml12.YamlError as error:
        raise damaged(path, error) from error


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write a mapping of JSON values; ValueError for NaN, which other readers refuse: an undefined value is None."""
    atomic.write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Give the mapping; CellpruneError where it is absent or damaged."""
    try:
        return _mapping(path, json.loads(read_text(path)))
    except (ValueError, RecursionError) as error:  # no JSON, a number without end, lists without end
        raise damaged(path, error) from error


def write_table(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
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
        raise damaged(path, error) from error
    if any(len(row) != len(rows[0]) for row in rows):
        raise damaged(path, "its lines differ in length")
    return [dict(zip(rows[0], map(_value, row), strict=True)) for row in rows[1:]]


def read_text(path: Path) -> str:
    """Give the text; CellpruneError where it is absent or not UTF-8."""
    try:
        return reading.text_of(path, most=_MOST_BYTES)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise CellpruneError(f"{path.parent} has no {path.name}: give the folder of a run that has one") from error
    except UnicodeDecodeError as error:
        raise damaged(path, error) from error
    except OSError as error:
        raise CellpruneError(f"{path} cannot be read ({error.strerror}): check the path") from error


def plain(value: object) -> Any:
    """Give a frozen value as the mappings, lists and scalars that JSON and YAML write.

    A field that has a default is left out while it has that value: it says something of some runs only.
    """
    if is_dataclass(value):
        named = {field: getattr(value, field.name) for field in fields(value)}
        return {field.name: plain(of) for field, of in named.items() if not _is_default(field, of)}
    if isinstance(value, Mapping):
        return {key: plain(of) for key, of in value.items()}
    return [plain(of) for of in value] if isinstance(value, list | tuple) else value


def checked(
    path: Path, kind: type[_Value], content: _Content, mended: Callable[[_Content], object] | None = None
) -> _Value:
    """Make the frozen value of which a file holds the content; keys that a later version may add are passed over.

    Args:
        path: the file, for the message.
        kind: a frozen dataclass, or a tuple of such.
        content: as it was read.
        mended: content of any version -> the same as this version writes it.
    Raises:
        CellpruneError: a key is missing, or its value is of another kind; the first such key is named.
    """
    try:
        read: _Value = _reader(kind).validate_python(mended(content) if mended else content)  # type: ignore[arg-type]
        return read
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise damaged(path, f"{where}: {first['msg'][:1].lower()}{first['msg'][1:]}") from error
    except LookupError as error:
        raise damaged(path, f"it lacks {reason(error)}") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise damaged(path, "its values are of other kinds than they were") from error


@cache  # making one takes longer than to read a file by it
def _reader(kind: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _is_default(field: Field[Any], value: object) -> bool:
    made = field.default if field.default_factory is MISSING else field.default_factory()
    return made is not MISSING and bool(value == made)


def _value(cell: str) -> int | float | str | None:
    if not cell:
        return None
    for kind in (int, float):
        with suppress(ValueError):
            return kind(cell)
    return cell


def _mapping(path: Path, content: object) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise damaged(path, "it holds no mapping")
    return content


def damaged(path: Path, why: str | BaseException) -> CellpruneError:
    """Say that a file of a run is not what it was written as."""
    said = why if isinstance(why, str) else reason(why)
    return CellpruneError(f"{path} is damaged ({said}): restore it, or make the run again")
