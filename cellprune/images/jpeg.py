"""JPEG images, for predicting alone: their compression has changed the grey levels, which labels could not bear."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from cellprune.images.header import Header, ImageError, believed
from cellprune.images.source import Member, Source

_CHANNELS = {"L": 1, "RGB": 3}  # of Pillow's kinds
_ORIENTATION = 274  # a tag of Exif
_USUAL = (0xC0, 0xC1, 0xC2)  # the starts of a frame that every program decodes, where it has 8 bits
_OTHERS = (0xC4, 0xC8, 0xCC)  # are no starts of a frame
_JPEG_LS = 0xF7
_LONGEST_START = 2**20  # bytes: that much may stand before the frame
_LOSSY = "is a JPEG, whose compression changed the grey levels: use the original where there is one"


def members(path: Path) -> list[Member]:
    """Give the one image of a file."""
    return [Member(path)]


@contextmanager
def opened(path: Path, number: int | None) -> Iterator[Source]:
    """Look at a JPEG's header.

    Raises:
        ImageError: colours that are none of red, green and blue, one that is stored rotated, or of a kind that
            Pillow does not decode.
        OSError: it is damaged or cut off, which only its pixels tell.
    """
    # Pillow warns of Exif and of previews that are damaged, which are not used
    with warnings.catch_warnings(action="ignore"), _opened(path) as image:
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
            try:
                shown = np.asarray(image)
            except OSError as error:
                raise _unusual(path) or error from error
            pixels = np.moveaxis(shown.reshape(*header.size, n_channels), -1, 0)
            return pixels if channel is None else pixels[channel : channel + 1]

        yield Source(header, "YX" if n_channels == 1 else "YXC", read)


def _opened(path: Path) -> Image.Image:
    try:
        return Image.open(path, formats=("JPEG",))
    except UnidentifiedImageError as error:
        raise _unusual(path) or ValueError("its header is damaged") from error


def _unusual(path: Path) -> ImageError | None:
    """Say which kind of JPEG a file is that not every program decodes; None for the usual kind, or a damaged one.

    Source: ISO 10918-1, table B.1, and for JPEG-LS ISO 14495-1, C.1.
    """
    with path.open("rb") as file:
        start = file.read(_LONGEST_START)
    at = 2  # after the start of the image
    while at + 5 <= len(start) and start[at] == 0xFF:
        marker, bits = start[at + 1], start[at + 4]
        if (0xC0 <= marker <= 0xCF and marker not in _OTHERS) or marker == _JPEG_LS:
            if marker in _USUAL and bits == 8:
                return None
            kind = "JPEG-LS" if marker == _JPEG_LS else "JPEG" if marker in _USUAL else "lossless or rare JPEG"
            return ImageError(
                f"{path} is a {kind} of {bits} bits, which cellprune does not read: save it as TIFF or PNG"
            )
        at += 1 if marker == 0xFF else 2 + int.from_bytes(start[at + 2 : at + 4], "big")
    return None
