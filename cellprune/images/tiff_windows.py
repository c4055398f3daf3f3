"""Boxes of a TIFF's page: the strips or tiles that a box touches are read."""

from math import prod

import numpy as np
import tifffile

from cellprune.images.blocks import Windows, windows_of
from cellprune.targets.kinds import Box

MAX_SEGMENT_PX = 2**26
"""Pixels of a strip or tile that may be decoded for a box of a large page."""


def largest_segment(keyframe: tifffile.TiffPage) -> int:
    """Give how many pixels a strip or tile of a page has at most."""
    if keyframe.is_tiled:
        return int(keyframe.tilelength * keyframe.tilewidth)
    return int(min(keyframe.rowsperstrip, keyframe.imagelength) * keyframe.imagewidth)


def raw_windows(file: tifffile.FileHandle, start: int, keyframe: tifffile.TiffPage, stored: np.dtype) -> Windows:
    """Give what reads boxes of a page whose numbers lie in a row in the file.

    Args:
        file: open for as long as boxes are read.
        start: of the page's numbers, in bytes.
        keyframe: tells its shape.
        stored: type of its numbers in the file.
    Returns:
        Boxes of the page's own axes, in which all but rows and columns are whole.
    """
    # one row of planes of samples, or of pixels of samples
    rows_at = keyframe.axes.index("Y")
    planes, height = prod(keyframe.shape[:rows_at]), keyframe.shape[rows_at]
    of_row = keyframe.shape[rows_at + 1 :]
    row_bytes = prod(of_row) * stored.itemsize

    def read(box: Box) -> np.ndarray:
        rows, columns = box
        found = np.empty((planes, rows.stop - rows.start, *of_row), stored)
        for plane in range(planes):
            file.seek(start + (plane * height + rows.start) * row_bytes)
            content = file.read((rows.stop - rows.start) * row_bytes)
            found[plane] = np.frombuffer(content, stored).reshape(found.shape[1:])
        found = found[:, :, columns].astype(keyframe.dtype)
        return found.reshape(*keyframe.shape[:rows_at], *found.shape[1:])

    return read


def coded_windows(page: tifffile.TiffPage | tifffile.TiffFrame) -> Windows:
    """Give what reads boxes of a page in strips or tiles; see `raw_windows`.

    Args:
        page: of an open file, whose strips or tiles are all there.
    """
    keyframe, file = page.keyframe, page.parent.filehandle
    assert keyframe is not None  # of an open file
    height, width, samples = keyframe.imagelength, keyframe.imagewidth, keyframe.samplesperpixel
    down = keyframe.tilelength if keyframe.is_tiled else min(keyframe.rowsperstrip, height)
    across = keyframe.tilewidth if keyframe.is_tiled else width
    n_across, n_down = -(-width // across), -(-height // down)
    is_planar = samples > 1 and keyframe.planarconfig == tifffile.PLANARCONFIG.SEPARATE

    def segment(number: int) -> np.ndarray:
        """Give a decoded strip or tile, (h, w, samples)."""
        file.seek(page.dataoffsets[number])
        decoded, _, shape = keyframe.decode(
            file.read(page.databytecounts[number]), number, jpegtables=page.jpegtables, jpegheader=keyframe.jpegheader
        )
        assert decoded is not None  # its bytes are there
        pixels: np.ndarray = decoded[0, : shape[1], : shape[2]]
        return pixels

    def block(y: int, x: int) -> np.ndarray:
        planes = range(samples if is_planar else 1)
        return np.stack([segment((plane * n_down + y) * n_across + x) for plane in planes])

    blocks = windows_of(block, (height, width), (down, across))

    def read(box: Box) -> np.ndarray:
        found = blocks(box)
        if is_planar:
            return found[..., 0]
        return found[0] if "S" in keyframe.axes else found[0, ..., 0]

    return read
