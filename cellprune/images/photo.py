"""Photographs, as sets of classes have them: JPEG, PNG and other usual formats, read as three channels of bytes.

JPEG is decoded by imagecodecs, which takes little more than half of Pillow's time. It takes a file that was cut off for
a whole one, so Pillow, which refuses it, decodes what does not end as a JPEG should.
"""

import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cellprune.files import reading
from cellprune.images.header import MAX_PIXELS, ImageError
from cellprune.wording import reason

SUFFIXES = (".jpeg", ".jpg", ".png", ".bmp", ".webp", ".ppm", ".pgm", ".tif", ".tiff")  # in any case

_MOST_BYTES = 2**28
_DEEP = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")  # Pillow's kinds of more than 8 bits
_JPEG_END = b"\xff\xd9"
_BROKEN = (
    OSError, EOFError, ValueError, TypeError, LookupError, SyntaxError, ArithmeticError, RuntimeError, MemoryError,
    struct.error, zlib.error, Image.DecompressionBombError, Image.DecompressionBombWarning,
)  # fmt: skip

Bytes = NDArray[np.uint8]


def size_of(path: Path) -> tuple[int, int]:
    """Give height and width, px; no pixel is decoded.

    Raises:
        ImageError: as `read`, but for what only the pixels tell.
    """
    try:
        reading.size_of(path, most=_MOST_BYTES)
        with Image.open(path) as opened:
            return _checked(opened, path)
    except _BROKEN as error:
        raise _unreadable(path, error) from error


def read(path: Path) -> Bytes:
    """Read an image in colour; of grey all channels are equal, and transparency is dropped.

    Returns:
        (H, W, 3) uint8, red, green and blue.
    Raises:
        ImageError: no whole image of a known format, too large, or of more than 8 bits a channel.
    """
    try:
        reading.size_of(path, most=_MOST_BYTES)
        content = path.read_bytes()
        with Image.open(BytesIO(content)) as opened:
            _checked(opened, path)
            if opened.format == "JPEG" and opened.mode in ("L", "RGB") and content.endswith(_JPEG_END):
                return _jpeg(content)
            return np.array(opened.convert("RGB"))
    except _BROKEN as error:
        raise _unreadable(path, error) from error


def _jpeg(content: bytes) -> Bytes:
    import imagecodecs

    pixels: Bytes = imagecodecs.jpeg8_decode(content)
    return pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)


def _checked(opened: Image.Image, path: Path) -> tuple[int, int]:
    width, height = opened.size
    if width * height > MAX_PIXELS:
        raise ImageError(f"{path} is {height} x {width} px, more than {MAX_PIXELS:,} pixels: make it smaller")
    if opened.mode in _DEEP:
        raise ImageError(f"{path} has more than 8 bits per channel: save it with 8")
    return height, width


def _unreadable(path: Path, error: Exception) -> ImageError:
    return ImageError(f"{path} cannot be read as an image ({reason(error)}): copy it again, or remove it")
