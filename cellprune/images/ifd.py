"""The directories of a TIFF file, one for each page: followed first, and no further than the file is long.

Source: TIFF 6.0 (Adobe, 1992), section 2; BigTIFF as libtiff reads it.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_SUB_DIRECTORIES = 330
_LISTS = (_SUB_DIRECTORIES, 273, 279, 324, 325)  # offsets and sizes: no two directories have them in common
_MOST_TAGS = 4096  # of a page
_MOST_VALUES = 64  # of a tag that is asked for; more are not looked into
_TORN = "it breaks off within its pages"
_BYTE = 1  # which some programs take for a number, and others for a text
_TYPES = {_BYTE: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}  # whole numbers
_CERTAIN = _TYPES.keys() - {_BYTE}


@dataclass(frozen=True)
class Directory:
    """What one page says of itself.

    Attributes:
        offset: where the directory stands in the file.
        tags: the values of the tags that were asked for, whole numbers only; of a long list none.
        unread: the tags that were asked for and hold something else, or bytes, which programs read differently.
    """

    offset: int
    tags: dict[int, tuple[int, ...]]
    unread: tuple[int, ...] = ()

    def value(self, tag: int, default: int = 0) -> int:
        """Give the first value of a tag, the default where there is none."""
        return next(iter(self.tags.get(tag, ())), default)


def directories(path: Path, wanted: frozenset[int]) -> list[Directory]:
    """Follow the chain of pages to its end, and look at their sub-directories.

    Args:
        path: a TIFF file.
        wanted: numbers of the tags whose values are read.
    Returns:
        The pages of the chain, in order.
    Raises:
        ValueError: the chain comes back to a page, breaks off, or claims more than the file has room for.
    """
    with path.open("rb") as file:
        return list(_Chain(file, wanted).pages())


class _Chain:
    """An open file, and how much of it is left for directories: all of them together are no longer than the file."""

    def __init__(self, file: BinaryIO, wanted: frozenset[int]) -> None:
        self._file, self._wanted = file, wanted
        self._length = self._left = file.seek(0, 2)
        self._seen: set[int] = set()
        file.seek(0)
        start = file.read(4)
        self._order = "<" if start[:2] == b"II" else ">"
        is_big = start[2:] in (b"+\0", b"\0+")
        self._count, self._offset, self._first = ("Q", "Q", 8) if is_big else ("H", "I", 4)
        self._entry = struct.Struct(f"{self._order}HH{self._offset}{struct.calcsize(self._offset)}s")

    def pages(self) -> Iterator[Directory]:
        offset = self._number(self._offset, self._first)
        if not offset:
            raise ValueError("it has no pages")
        while offset:
            directory, end, inner = self._directory(offset)
            yield directory
            for sub_directory in filter(None, inner):
                self._directory(sub_directory)
            offset = self._number(self._offset, end)

    def _directory(self, offset: int) -> tuple[Directory, int, tuple[int, ...]]:
        """Give the directory at an offset, where it ends, and the offsets of its sub-directories."""
        if offset in self._seen:
            raise ValueError("its pages go round in a circle")
        self._seen.add(offset)
        n_tags = self._number(self._count, offset)
        if n_tags > _MOST_TAGS:
            raise ValueError(f"one of its pages claims {n_tags} tags")
        start = offset + struct.calcsize(self._count)
        raw = self._bytes(start, n_tags * self._entry.size)
        tags: dict[int, tuple[int, ...]] = {}
        unread: list[int] = []
        inner: tuple[int, ...] = ()
        for tag, kind, count, inline in self._entry.iter_unpack(raw):
            if tag == _SUB_DIRECTORIES:
                inner = self._values(kind, count, inline)
            elif tag in _LISTS:
                self._take(count)  # bytes at least
            elif tag in self._wanted:
                tags[tag] = self._values(kind, count, inline) if count <= _MOST_VALUES else ()
                unread += [tag] * (kind not in _CERTAIN and count <= _MOST_VALUES)
        return Directory(offset, tags, tuple(unread)), start + len(raw), inner

    def _values(self, kind: int, count: int, inline: bytes) -> tuple[int, ...]:
        if kind not in _TYPES:
            return ()
        code = f"{count}{_TYPES[kind]}"
        size = struct.calcsize("=" + code)
        raw = inline[:size] if size <= len(inline) else self._bytes(self._unpacked(self._offset, inline)[0], size)
        return self._unpacked(code, raw)

    def _number(self, code: str, offset: int) -> int:
        self._seek(offset)
        return self._unpacked(code, self._file.read(struct.calcsize(code)))[0]

    def _bytes(self, offset: int, size: int) -> bytes:
        self._take(size)
        self._seek(offset)
        raw = self._file.read(size)
        if len(raw) < size:
            raise ValueError(_TORN)
        return raw

    def _seek(self, offset: int) -> None:
        if offset > self._length:
            raise ValueError(_TORN)
        self._file.seek(offset)

    def _take(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise ValueError("it claims more pages, strips or tiles than it has room for")

    def _unpacked(self, code: str, raw: bytes) -> tuple[int, ...]:
        try:
            return struct.unpack(self._order + code, raw)
        except struct.error as error:
            raise ValueError(_TORN) from error
