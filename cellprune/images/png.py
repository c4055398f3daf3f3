"""PNG files, grey or colour, 8 or 16 bit: header first, then the pixels.

Source: the PNG standard, third edition (W3C, 2025).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import imagecodecs
import numpy as np

from cellprune.images import order
from cellprune.images.header import Header, ImageError, believed, chosen, without_alpha

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _COLOUR, _PALETTE, _GREY_ALPHA, _COLOUR_ALPHA = 0, 2, 3, 4, 6  # of the PNG standard
_CHANNELS = {_GREY: 1, _COLOUR: 3, _PALETTE: 3, _GREY_ALPHA: 1, _COLOUR_ALPHA: 3}
_SAMPLES = {_GREY: 1, _COLOUR: 3, _PALETTE: 1, _GREY_ALPHA: 2, _COLOUR_ALPHA: 4}  # saved for each pixel
_EXPANSION = 1032  # bytes that one byte of Deflate can become at most
_ORIENTATION = 274  # a tag of the TIFF that an eXIf chunk is


def read_header(path: Path, *, slices: bool = False, axes: str | None = None, windows: bool = False) -> Header:
    """Read what a PNG says of its size; its resolution is that of a screen or printer, so it gives no pixel size."""
    header = _looked_at(path)[1]
    grey = header.channels == 1
    order.fitting(axes, "YX" if grey else "YXS", header.size if grey else (*header.size, header.channels), path)
    return header


def read_pixels(path: Path, plane: int | None, *, slices: bool = False, axes: str | None = None) -> np.ndarray:
    """Read the image, (C, H, W) as saved, a palette's colours looked up; see `images.read.read_image`."""
    _, header = _looked_at(path)  # refused here, before memory is taken for the pixels
    chosen(header, plane, path)
    pixels = _decoded(path.read_bytes(), header)
    return without_alpha(pixels, header, path) if len(pixels) > header.channels else pixels


def read_numbers(path: Path, plane: int | None = None) -> np.ndarray:
    """Read numbers that stand for cells or classes, (C, H, W): a palette's own, its colours are for show.

    Raises:
        ImageError: a depth of 2 or 4 bits, or a size that nobody means.
        ValueError: the file is damaged.
    """
    chunks, header = _looked_at(path)
    chosen(header, plane, path)
    if chunks.kind == _PALETTE:
        from PIL import Image  # imagecodecs gives a palette's colours alone

        with Image.open(path) as image:
            return np.asarray(image).reshape(1, *header.size)
    if chunks.depth in (2, 4):
        raise ImageError(
            f"{path} has {chunks.depth} bits per pixel, which libraries read differently: save it as 8 or 16 bit"
        )
    if chunks.kind != _GREY:
        return read_pixels(path, plane)
    pixels = _decoded(chunks.without_transparency(path), header)  # a number shown transparent is a number all the same
    return pixels // 255 if chunks.depth == 1 else pixels  # one bit is decoded to 0 and 255


def _decoded(packed: bytes, header: Header) -> np.ndarray:
    pixels = imagecodecs.png_decode(packed)
    return np.moveaxis(pixels.reshape(*header.size, -1), -1, 0)


@dataclass(frozen=True)
class _Chunks:
    """What a PNG's chunks say before one is unpacked.

    Attributes:
        size: (height, width).
        depth: bits of a sample.
        kind: of pixels, by the standard's number.
        n_packed: bytes of packed pixels.
        spans: (name, start, end) of each chunk, its length and check sum with it.
        n_images: more than one in an animation.
        orientation: as TIFF counts it; 1 is upright.
    """

    size: tuple[int, int]
    depth: int
    kind: int
    n_packed: int
    spans: tuple[tuple[bytes, int, int], ...]
    n_images: int
    orientation: int

    def without_transparency(self, path: Path) -> bytes:
        packed = path.read_bytes()
        return SIGNATURE + b"".join(packed[start:end] for name, start, end in self.spans if name != b"tRNS")


def _looked_at(path: Path) -> tuple[_Chunks, Header]:
    """Look at all chunks and refuse what cannot be meant or is not there."""
    with path.open("rb") as file:
        chunks = _chunks(file)
    height, width = chunks.size
    header = Header(
        chunks.size, _CHANNELS[chunks.kind], 1, np.dtype(np.uint16 if chunks.depth == 16 else np.uint8), None
    )
    believed(header, path)
    row = -(-width * chunks.depth * _SAMPLES[chunks.kind] // 8)
    if row * height > _EXPANSION * chunks.n_packed:
        raise ValueError(f"it claims {height} x {width} pixels, more than it can hold")
    if chunks.n_images > 1:
        raise ImageError(f"{path} is an animation of {chunks.n_images} images: save the one that is meant")
    if 2 <= chunks.orientation <= 8:
        raise ImageError(
            f"{path} is stored rotated or mirrored (Orientation {chunks.orientation} in its eXIf chunk), which "
            "programs show differently: save it upright"
        )
    return chunks, header


def _chunks(file: BinaryIO) -> _Chunks:
    length = file.seek(0, 2)
    at, n_packed, n_images, orientation = len(SIGNATURE), 0, 1, 1
    spans: list[tuple[bytes, int, int]] = []
    start = b""
    while at < length and (not spans or spans[-1][0] != b"IEND"):
        file.seek(at)
        size, name = int.from_bytes(file.read(4), "big"), file.read(4)
        end = at + 12 + size
        if end > length:
            raise ValueError("it breaks off within its pixels")
        if name in (b"IHDR", b"acTL"):
            content = file.read(size)
            start = content if name == b"IHDR" else start
            n_images = int.from_bytes(content[:4], "big") if name == b"acTL" else n_images
        elif name == b"eXIf":
            orientation = _orientation(file.read(size))
        n_packed += size * (name == b"IDAT")
        spans.append((name, at, end))
        at = end
    if not spans or spans[0][0] != b"IHDR" or len(start) != 13 or start[9] not in _CHANNELS:
        raise ValueError("its header is damaged")
    width, height = (int.from_bytes(start[at : at + 4], "big") for at in (0, 4))
    return _Chunks((height, width), start[8], start[9], n_packed, tuple(spans), n_images, orientation)


def _orientation(exif: bytes) -> int:
    """Find the orientation among the tags of an Exif block; 1 where it says none."""
    order: Literal["little", "big"] = "little" if exif[:2] == b"II" else "big"
    first = int.from_bytes(exif[4:8], order)
    for at in range(first + 2, min(first + 2 + 12 * int.from_bytes(exif[first : first + 2], order), len(exif)), 12):
        if int.from_bytes(exif[at : at + 2], order) == _ORIENTATION:
            return int.from_bytes(exif[at + 8 : at + 10], order)
    return 1
