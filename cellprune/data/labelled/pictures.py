"""The images of a set by number, wherever they are: in memory or in files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cellprune.images import photo

Bytes = NDArray[np.uint8]


class Pictures(Protocol):
    """Images by number.

    Attributes:
        channels: of every image.
        reads_at_once: whether several threads may read at the same time.
    """

    @property
    def channels(self) -> int: ...

    @property
    def reads_at_once(self) -> bool: ...

    def size(self, index: int, /) -> tuple[int, int]:
        """Give height and width of an image, px."""
        ...

    def read(self, index: int, /) -> Bytes:
        """Give an image, (H, W, C) uint8.

        Raises:
            CellpruneError: it cannot be read; the message names it.
        """
        ...

    def name(self, index: int, /) -> str:
        """Name an image, for a message."""
        ...


@dataclass(frozen=True, eq=False)
class Arrays:
    """Images in memory: (N, C, H, W) uint8."""

    pixels: Bytes

    reads_at_once = True

    @property
    def channels(self) -> int:
        """Of every image."""
        return self.pixels.shape[1]

    def size(self, _: int, /) -> tuple[int, int]:
        """Give height and width, px, which are those of all."""
        return self.pixels.shape[2], self.pixels.shape[3]

    def read(self, index: int, /) -> Bytes:
        """Give an image."""
        return np.moveaxis(self.pixels[index], 0, -1)

    def name(self, index: int, /) -> str:
        """Name an image by its number."""
        return f"image {index}"


@dataclass(frozen=True, eq=False)
class Files:
    """Images in files, read when they are asked for, in colour."""

    folder: Path
    paths: Sequence[str]

    channels = 3
    reads_at_once = True

    def size(self, index: int, /) -> tuple[int, int]:
        """Give height and width, px."""
        return photo.size_of(self.folder / self.paths[index])

    def read(self, index: int, /) -> Bytes:
        """Read a file."""
        return photo.read(self.folder / self.paths[index])

    def name(self, index: int, /) -> str:
        """Name the file."""
        return str(self.folder / self.paths[index])
