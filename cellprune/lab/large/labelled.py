"""The labels of a large image, of which boxes alone are in memory: written in tiles, read again, checked."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from cellprune.images.boxes import bands
from cellprune.images.read import opened_windows
from cellprune.lab import stacks
from cellprune.targets.kinds import Box, Extent

_TILE_PX = 512
_TILES_AT_ONCE = 8  # that are read together

Labels = NDArray[np.unsignedinteger]


@dataclass(frozen=True)
class Labelled:
    """Labels of a large image.

    Attributes:
        labels: gives a box of them, 0 is background.
        size: (height, width).
        class_of: name of the class of every label, the background's first.
    """

    labels: Callable[[Box], Labels]
    size: Extent
    class_of: Sequence[str]

    @property
    def dtype(self) -> type[np.unsignedinteger]:
        """In which the labels of an image of any size are saved."""
        return np.uint16 if len(self.class_of) <= 2**16 else np.uint32


def write(path: Path, labelled: Labelled, description: str, pixel_size_um: tuple[float, float] | None) -> None:
    """Write labels as a TIFF in tiles, a BigTIFF where that may be needed.

    Raises:
        OSError: the disk is full.
    """
    height, width = labelled.size

    def tiles() -> Iterator[Labels]:
        for top, left in product(range(0, height, _TILE_PX), range(0, width, _TILES_AT_ONCE * _TILE_PX)):
            columns = slice(left, min(width, left + _TILES_AT_ONCE * _TILE_PX))
            read = labelled.labels((slice(top, min(height, top + _TILE_PX)), columns)).astype(labelled.dtype)
            for start in range(0, read.shape[1], _TILE_PX):
                part = read[:, start : start + _TILE_PX]
                yield np.pad(part, [(0, _TILE_PX - side) for side in part.shape])

    with tifffile.TiffWriter(path, bigtiff=stacks.is_big(labelled.size, labelled.dtype)) as tif:
        tif.write(
            tiles(), shape=labelled.size, dtype=labelled.dtype, tile=(_TILE_PX, _TILE_PX), photometric="minisblack",
            compression="zlib", description=description, metadata=None,
            **stacks.resolution_tags(pixel_size_um),
        )  # fmt: skip


@contextmanager
def opened(path: Path, plane: int | None, size: Extent, class_of: Sequence[str]) -> Iterator[Labelled]:
    """Open labels that were written, here or plane by plane.

    Raises:
        ImageError: the file is damaged, as each box of it may be.
    """
    with opened_windows(path, plane) as windows:
        yield Labelled(lambda box: windows(box)[0], size, class_of)


@dataclass(frozen=True)
class Boxes:
    """The box around each cell, by its number; the first is the background's and means nothing.

    Attributes:
        tops, bottoms, lefts, rights: bottoms and rights lie outside.
    """

    tops: NDArray[np.int32]
    bottoms: NDArray[np.int32]
    lefts: NDArray[np.int32]
    rights: NDArray[np.int32]


def boxes_of(labelled: Labelled) -> Boxes | None:
    """Give the box around each cell; None where the labels are not those of so many cells."""
    n = len(labelled.class_of)
    tops, lefts = (np.full(n, np.iinfo(np.int32).max, np.int32) for _ in range(2))
    bottoms, rights = (np.zeros(n, np.int32) for _ in range(2))
    for box in bands(labelled.size):
        labels = labelled.labels(box)
        if labels.max(initial=0) >= n:
            return None
        around = np.pad(labels, ((0, 0), (1, 1)))
        is_other = around[:, 1:] != around[:, :-1]  # than the pixel to the left: looked at are the ends of runs alone
        for edge, columns_of, rows_of, furthest in (
            (is_other[:, :-1], lefts, tops, np.minimum), (is_other[:, 1:], rights, bottoms, np.maximum)
        ):  # fmt: skip
            rows, columns = np.nonzero(edge & (labels > 0))
            of, beyond = labels[rows, columns], int(furthest is np.maximum)
            furthest.at(rows_of, of, rows + box[0].start + beyond)
            furthest.at(columns_of, of, columns + beyond)
    return Boxes(tops, bottoms, lefts, rights) if (bottoms[1:] > 0).all() else None
