"""An array that lies in a file, and of which parts alone are in memory.

Plain reading and writing, not a memory map: a full disk is an error that can be told of, and what was read is no longer
memory of this process.
"""

from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

from cellprune.targets.kinds import Box


class Scratch:
    """Planes of one size in a file, which is there for as long as the block that it is opened for.

    Args:
        path: the file, which is made anew.
        shape: (planes, height, width).
        dtype: of the numbers.
    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, path: Path, shape: tuple[int, int, int], dtype: DTypeLike) -> None:
        self.shape = shape
        self._dtype = np.dtype(dtype)
        self._path = path
        self._file = path.open("w+b")

    def write(self, box: Box, values: NDArray) -> None:
        """Write a part of all planes.

        Args:
            box: rows and columns.
            values: (planes, h, w).
        Raises:
            OSError: the disk is full.
        """
        values = np.ascontiguousarray(values, self._dtype)
        for plane, of_plane in enumerate(values):
            for at, rows in self._runs(plane, box):
                self._file.seek(at)
                self._file.write(of_plane[rows].data)
        self._file.flush()  # so that a full disk is told of here

    def read(self, box: Box) -> NDArray:
        """Give a part of all planes, (planes, h, w), that was written before."""
        shape = (self.shape[0], box[0].stop - box[0].start, box[1].stop - box[1].start)
        values = np.empty(shape, self._dtype)
        for plane, of_plane in enumerate(values):
            for at, rows in self._runs(plane, box):
                self._file.seek(at)
                self._file.readinto(of_plane[rows].data)
        return values

    def __enter__(self) -> "Scratch":
        return self

    def __exit__(self, *_: object) -> None:
        """Give its disk back."""
        with suppress(OSError):  # of a full disk, which was told of
            self._file.close()
        self._path.unlink(missing_ok=True)

    def _runs(self, plane: int, box: Box) -> list[tuple[int, slice]]:
        """Give where the bytes of each row of a box begin; whole rows are one run."""
        _, height, width = self.shape
        rows, columns = box
        starts = (plane * height + np.arange(rows.start, rows.stop)) * width + columns.start
        if columns.stop - columns.start == width:
            return [(int(starts[0]) * self._dtype.itemsize, slice(None))] if len(starts) else []
        return [(int(at) * self._dtype.itemsize, slice(n, n + 1)) for n, at in enumerate(starts)]
