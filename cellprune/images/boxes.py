"""Boxes of a large image: bands of rows, and blocks."""

from collections.abc import Iterator

from cellprune.targets.kinds import Box, Extent

BAND_PX = 2**22
"""Pixels of a part that is in memory at once."""


def bands(size: Extent, *, multiple: int = 1) -> Iterator[Box]:
    """Cut an image into bands of whole rows.

    Args:
        size: (height, width).
        multiple: the rows of each band but the last are a multiple of it.
    """
    height, width = size
    rows = max(1, BAND_PX // (width * multiple)) * multiple
    for start in range(0, height, rows):
        yield slice(start, min(height, start + rows)), slice(0, width)


def around(box: Box, halo_px: int, size: Extent) -> tuple[Box, Box]:
    """Give a box with a halo, as far as there is an image, and where in it the box itself is."""
    wide = (
        slice(max(0, box[0].start - halo_px), min(size[0], box[0].stop + halo_px)),
        slice(max(0, box[1].start - halo_px), min(size[1], box[1].stop + halo_px)),
    )
    return wide, inside(box, wide)


def inside(box: Box, other: Box) -> Box:
    """Give where in another box a box is."""
    return (
        slice(box[0].start - other[0].start, box[0].stop - other[0].start),
        slice(box[1].start - other[1].start, box[1].stop - other[1].start),
    )
