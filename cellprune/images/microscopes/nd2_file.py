"""ND2 of Nikon, by the package nd2: each position is an image."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cellprune.images.microscopes.layout import source
from cellprune.images.source import Member, Source, numbered

if TYPE_CHECKING:
    from nd2 import ND2File

_POSITIONS = "P"


def members(path: Path) -> list[Member]:
    """Give the positions of a file."""
    import nd2

    with nd2.ND2File(path) as file:
        return numbered(path, file.sizes.get(_POSITIONS, 1))


@contextmanager
def opened(path: Path, number: int | None) -> Iterator[Source]:
    """Open one position.

    Raises:
        ImageError: see `layout.source`.
        ImportError: nd2 is not there.
    """
    import nd2

    with nd2.ND2File(path) as file:
        sizes = {axis: size for axis, size in file.sizes.items() if axis != _POSITIONS}
        order = [axis for axis in file.sizes if axis not in "CYXS"]  # of the frames in the file

        def read(at: Mapping[str, int], channel: int | None) -> NDArray:
            wanted = [number or 0 if axis == _POSITIONS else at.get(axis, 0) for axis in order]
            frame = int(np.ravel_multi_index(wanted, [file.sizes[axis] for axis in order])) if order else 0
            pixels = np.array(file.read_frame(frame))
            pixels = np.moveaxis(pixels, -1, 0) if "S" in sizes else pixels.reshape(-1, sizes["Y"], sizes["X"])
            return pixels if channel is None else pixels[channel : channel + 1]

        um, names = _words(file)
        yield source(path, sizes, file.dtype, um=um, channel_names=names, read=read)


def _words(file: "ND2File") -> tuple[tuple[float | None, float | None], list[str]]:
    """Give the size of a pixel (y, x) in um, where somebody calibrated it, and the names of channels.

    nd2 stumbles over the words of some files, such as those of a channel without a probe; their pixels are as good.
    """
    with suppress(Exception):
        channels = file.metadata.channels or []
        volume = channels[0].volume
        across, down = volume.axesCalibration[:2] if all(volume.axesCalibrated[:2]) else (None, None)
        return (down, across), [one.channel.name for one in channels]
    return (None, None), []
