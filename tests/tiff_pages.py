"""TIFF files written tag by tag, so that tests can say what no library would write."""

import struct
from pathlib import Path

BYTE, ASCII, SHORT, LONG = 1, 2, 3, 4

Tags = dict[int, tuple[int, int, int | bytes]]  # number -> type, count, value or what stands in its place


def page(width: int = 10, height: int = 10, **changed: int) -> Tags:
    """Give the tags of a page of one uncompressed strip that starts after the file's first 8 bytes."""
    values = {
        "bits": 8,
        "compression": 1,
        "photometric": 1,
        "offset": 8,
        "samples": 1,
        "size": width * height,
        **changed,
    }
    return {
        256: (LONG, 1, width), 257: (LONG, 1, height), 258: (SHORT, 1, values["bits"]),
        259: (SHORT, 1, values["compression"]), 262: (SHORT, 1, values["photometric"]),
        273: (LONG, 1, values["offset"]), 277: (SHORT, 1, values["samples"]),
        278: (LONG, 1, height), 279: (LONG, 1, values["size"]),
    }  # fmt: skip


def described(text: bytes, n_pages: int, start: int) -> list[Tags]:
    """Give pages of which the first has a description, which stands at `start` in the file."""
    return [page() | {270: (ASCII, len(text) + 1, start)}, *(page() for _ in range(n_pages - 1))]


def write(path: Path, pages: list[Tags], data: bytes, after_last: int = 0) -> Path:
    """Write a little-endian TIFF: its data, then its directories; the last one says that it goes on at `after_last`."""
    offsets, end = [], 8 + len(data)
    for tags in pages:
        offsets.append(end)
        end += 2 + 12 * len(tags) + 4
    packed = b"II*\0" + struct.pack("<I", offsets[0]) + data
    for tags, after in zip(pages, [*offsets[1:], after_last], strict=True):
        packed += struct.pack("<H", len(tags))
        for tag, (kind, count, value) in sorted(tags.items()):
            in_place = value if isinstance(value, bytes) else struct.pack("<I", value)
            packed += struct.pack("<HHI", tag, kind, count) + in_place
        packed += struct.pack("<I", after)
    path.write_bytes(packed)
    return path


def predictors(folder: Path) -> set[int]:
    """Give how the pages of all TIFFs in a folder are saved: 1 as they are, 2 as differences.

    ImageJ and Fiji show differences of deflated images as if they were pixels.
    """
    import tifffile

    found = set()
    for path in sorted(folder.rglob("*.tif")):
        with tifffile.TiffFile(path) as tif:
            found |= {int(page.predictor) for page in tif.pages}
    return found
