"""JPEG images, for predicting alone: their compression has changed the grey levels, which labels could not bear."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cellprune.images.header import Header, ImageError, believed
from cellprune.images.source import Member, Source

_CHANNELS = {"L": 1, "RGB": 3}  # of Pillow's kinds
_ORIENTATION = 274  # a tag of Exif
_LOSSY = "is a JPEG, whose compression changed the grey levels: use the original where there is one"


def members(path: Path) -> list[Member]:
    """Give the one image of a file."""
    return [Member(path)]


@contextmanager
def opened(path: Path, number: int | None) -> Iterator[Source]:
    """Look at a JPEG's header.

    Raises:
        ImageError: colours that are none of red, green and blue, or an image that is stored rotated.
        OSError: it is damaged or cut off, which only its pixels tell.
    """
    with Image.open(path, formats=("JPEG", "MPO")) as image:
        if image.mode not in _CHANNELS:
            raise ImageError(f"{path} is a JPEG in {image.mode}, not in grey or RGB: use the original")
        if image.getexif().get(_ORIENTATION, 1) != 1:
            raise ImageError(
                f"{path} is stored rotated or mirrored (Orientation in its Exif), which programs show differently: "
                "save it upright"
            )
        n_channels = _CHANNELS[image.mode]
        header = Header((image.height, image.width), n_channels, 1, np.dtype(np.uint8), None, notes=(_LOSSY,))
        believed(header, path)

        def read(plane: int, channel: int | None) -> NDArray:
            pixels = np.moveaxis(np.asarray(image).reshape(*header.size, n_channels), -1, 0)
            return pixels if channel is None else pixels[channel : channel + 1]

        yield Source(header, "YX" if n_channels == 1 else "YXC", read)
