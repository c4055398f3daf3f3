"""The strips or tiles of a TIFF page, held against the file and the page's size before memory is taken for pixels."""

from math import ceil, inf, prod
from typing import Any

import tifffile

from cellprune.images.codestream import LONGEST_START, SIZED, claimed_size
from cellprune.images.header import MAX_PIXELS

# bytes that one compressed byte can become at most: 8 pixels of a bit, the longest LZW string, 258 bytes of 2 bits
_EXPANSION = {1: 1, 5: 4096, 8: 1032, 32946: 1032, 32773: 128}


def require_whole(page: Any) -> None:
    """Refuse a page whose strips or tiles are not all there, or claim another size than the page.

    Args:
        page: a `tifffile.TiffPage` or `TiffFrame` of an open file.
    Raises:
        ValueError: missing strips or tiles, some that lie beyond the end of the file, or too little for so many pixels.
    """
    keyframe, file = page.keyframe, page.parent.filehandle
    offsets, sizes = page.dataoffsets, page.databytecounts
    n_needed = 1 if keyframe.is_contiguous and len(offsets) == 1 else prod(keyframe.chunked)
    if len(offsets) < n_needed or len(sizes) < n_needed or not all(sizes[:n_needed]) or not all(offsets[:n_needed]):
        raise ValueError(f"some of its {n_needed} strips or tiles are missing")
    segments = list(zip(offsets[:n_needed], sizes, strict=False))
    if sum(size for _, size in segments) > file.size or any(at + size > file.size for at, size in segments):
        raise ValueError("some strips or tiles end beyond the file")
    if keyframe.is_tiled and keyframe.tilelength * keyframe.tilewidth > MAX_PIXELS:
        raise ValueError(f"it claims tiles of {keyframe.tilelength} x {keyframe.tilewidth} pixels")
    bits = keyframe.bitspersample * keyframe.samplesperpixel
    held = _EXPANSION.get(int(keyframe.compression), inf) * sum(size for _, size in segments)
    if ceil(keyframe.imagewidth * bits / 8) * keyframe.imagelength > held:
        raise ValueError(f"it claims {keyframe.imagelength} x {keyframe.imagewidth} pixels, more than it can hold")
    for at, size in segments:
        _require_size(keyframe, file, at, size)


def _require_size(keyframe: tifffile.TiffPage, file: tifffile.FileHandle, at: int, size: int) -> None:
    """Refuse a strip or tile that says of itself that it is larger than the page's strips or tiles are."""
    if int(keyframe.compression) not in SIZED:
        return
    file.seek(at)
    claimed = claimed_size(int(keyframe.compression), file.read(min(size, LONGEST_START)))
    if keyframe.is_tiled:
        largest = keyframe.tilelength * keyframe.tilewidth
    else:
        largest = min(keyframe.rowsperstrip, keyframe.imagelength) * keyframe.imagewidth
    if not 0 < prod(claimed) <= largest:
        raise ValueError(f"a strip or tile claims {claimed[0]} x {claimed[1]} pixels, more than fit")
