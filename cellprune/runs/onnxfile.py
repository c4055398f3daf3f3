"""The ONNX file of ours: a bare network, and in its metadata the same card that a model file carries.

Read here without the package onnx, and before any engine sees the file: its metadata stands at the top level of the
protocol buffer, so that everything else is stepped over. The card is one JSON text under the key "cellprune".

Source: onnx.proto of ONNX 1.x (metadata_props is field 14 of ModelProto); the wire format of Protocol Buffers.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from cellprune.files import reading
from cellprune.runs.container import HEADER_LIMIT_BYTES, UnreadableFileError, read_whole
from cellprune.wording import quoted

SUFFIX = ".onnx"
FORMAT_VERSION = 1
_KEY = "cellprune"
_KIND = "ONNX"
_MOST_BYTES = 2**31  # of one protocol buffer
_METADATA, _NAME, _VALUE = 14, 1, 2  # fields of ModelProto and of StringStringEntryProto
_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5  # kinds of fields


def is_named_so(model: object) -> bool:
    """Tell whether what a user gives as a model is named as an ONNX file."""
    return isinstance(model, str | Path) and Path(model).suffix.lower() == SUFFIX


def metadata(header: Mapping[str, object]) -> tuple[str, str]:
    """Give the key and the value under which a file's metadata holds the card.

    Raises:
        ValueError: the header holds more than JSON can say.
    """
    note = {"kind": "model", "version": FORMAT_VERSION, "header": dict(header)}
    return _KEY, json.dumps(note, sort_keys=True, allow_nan=False)


def read_header(path: Path) -> dict[str, Any]:
    """Give the header of an ONNX file of ours.

    Args:
        path: a file from anywhere.
    Raises:
        UnreadableFileError: no such file, no ONNX, cut off, not made by `cellprune export`, or of a newer format.
    """
    with read_whole(path, _KIND):
        size = reading.size_of(path, most=_MOST_BYTES)
        with path.open("rb") as file:
            text = next((value for name, value in _entries(file, size) if name == _KEY), None)
        if text is None:
            raise UnreadableFileError(
                f"{path} carries no card of cellprune, so nobody knows how its images are made ready: "
                "make it with 'cellprune export'"
            )
        note = json.loads(text)
        if type(note["version"]) is not int or not isinstance(note["header"], dict):
            raise ValueError("its card is no card")
        if note["version"] > FORMAT_VERSION:
            raise UnreadableFileError(
                f"{path} has format version {quoted(note['version'])}, this cellprune reads up to {FORMAT_VERSION}: "
                "update cellprune"
            )
    return note["header"]


def _entries(file: BinaryIO, size: int) -> Iterator[tuple[str, str]]:
    """Give the metadata, name and value; nothing of the network is read."""
    while (at := file.tell()) < size:
        key = _varint(file)
        number, kind = key >> 3, key & 7
        if kind == _LENGTH:
            length = _varint(file)
            if file.tell() + length > size:
                raise ValueError("it breaks off, or is no ONNX file")
            if number == _METADATA:
                if length > HEADER_LIMIT_BYTES:
                    raise ValueError("its metadata is too long to be meant")
                yield _entry(file, file.tell() + length)
            else:
                file.seek(length, 1)
        elif kind == _VARINT:
            _varint(file)
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            file.seek(8 if kind == _EIGHT_BYTES else 4, 1)
        else:
            raise ValueError(f"it is no ONNX file (byte {at})")


def _entry(file: BinaryIO, end: int) -> tuple[str, str]:
    fields = {_NAME: "", _VALUE: ""}
    while file.tell() < end:
        key = _varint(file)
        length = _varint(file)
        if key & 7 != _LENGTH or file.tell() + length > end:
            raise ValueError("its metadata is damaged")
        fields[key >> 3] = file.read(length).decode()
    return fields[_NAME], fields[_VALUE]


def _varint(file: BinaryIO) -> int:
    value = 0
    for shift in range(0, 64, 7):
        byte = file.read(1)
        if not byte:
            raise ValueError("it breaks off, or is no ONNX file")
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    raise ValueError("it is no ONNX file")
