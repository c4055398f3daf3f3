"""PNG files, grey or colour, 8 or 16 bit: header first, then the pixels."""

from pathlib import Path

import imagecodecs
import numpy as np

from cellprune.data.header import Header, ImageError, believed, chosen, without_alpha

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _COLOUR, _PALETTE, _GREY_ALPHA, _COLOUR_ALPHA = 0, 2, 3, 4, 6  # of the PNG standard
_CHANNELS = {_GREY: 1, _COLOUR: 3, _PALETTE: 3, _GREY_ALPHA: 1, _COLOUR_ALPHA: 3}


def read_header(path: Path) -> Header:
    """Read what a PNG says of its size; its resolution is that of a screen or printer, so it gives no pixel size."""
    size, depth, kind = _start(path)
    return believed(Header(size, _CHANNELS[kind], 1, np.dtype(np.uint16 if depth == 16 else np.uint8), None), path)


def read_pixels(path: Path, plane: int | None) -> np.ndarray:
    """Read the image, (C, H, W) as saved, a palette's colours looked up; see `data.images.read_image`."""
    header = read_header(path)  # refused here, before memory is taken for the pixels
    chosen(header, plane, path)
    pixels = _decoded(path, header)
    return without_alpha(pixels, header, path) if len(pixels) > header.channels else pixels


def read_numbers(path: Path) -> np.ndarray:
    """Read numbers that stand for cells or classes, (C, H, W): a palette's own, its colours are for show.

    Raises:
        ImageError: a depth of 2 or 4 bits, or a size that nobody means.
        ValueError: the file is damaged.
    """
    size, depth, kind = _start(path)
    if kind == _PALETTE:
        from PIL import Image  # imagecodecs gives a palette's colours alone

        believed(read_header(path), path)
        with Image.open(path) as image:
            return np.asarray(image).reshape(1, *size)
    if depth in (2, 4):
        raise ImageError(f"{path} has {depth} bits a pixel, which libraries stretch unlike: save it as 8 or 16 bit")
    pixels = read_pixels(path, None)
    return pixels // 255 if depth == 1 else pixels  # one bit is decoded to 0 and 255


def _decoded(path: Path, header: Header) -> np.ndarray:
    pixels = imagecodecs.png_decode(path.read_bytes())
    return np.moveaxis(pixels.reshape(*header.size, -1), -1, 0)


def _start(path: Path) -> tuple[tuple[int, int], int, int]:
    """Give (height, width), bits and kind of pixels from a PNG's first chunk."""
    with path.open("rb") as file:
        start = file.read(26)
    if len(start) < 26 or start[12:16] != b"IHDR" or start[25] not in _CHANNELS:
        raise ValueError("its header is damaged")
    width, height = (int.from_bytes(start[at : at + 4], "big") for at in (16, 20))
    return (height, width), start[24], start[25]
