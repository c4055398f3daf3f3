"""What the files of microscopes have in common: sizes by letter, several images, and axes that have no meaning here."""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

from cellprune.images.header import Header, ImageError, believed
from cellprune.images.source import Source, micrometers, steps
from cellprune.wording import quoted

Read = Callable[[Mapping[str, int], int | None], NDArray]  # steps by letter, a channel or all -> (C, H, W)


def source(
    path: Path,
    sizes: Mapping[str, int],
    dtype: DTypeLike,
    *,
    um: tuple[float | None, float | None],
    channel_names: Sequence[str],
    read: Read,
) -> Source:
    """Give an image of a file of the axes T, Z, C, Y and X.

    Args:
        path: the file.
        sizes: by letter, in the file's order; S for the samples of a pixel in colour, which lie last.
        dtype: of its pixels.
        um: size of a pixel (y, x) as the file states it; None where it does not.
        channel_names: as the file says them; they count where each channel has one.
        read: gives the pixels of one plane.
    Raises:
        ImageError: an axis that has no meaning here, channels in two ways, or a size that nobody means.
    """
    sizes = {axis: size for axis, size in sizes.items() if size > 1 or axis in "YX"}
    if unknown := [axis for axis in sizes if axis not in "TZCYXS"]:
        raise ImageError(
            f"{path} has {sizes[unknown[0]]} planes along an axis {quoted(unknown[0])}; T, Z and C are read: export "
            "those that matter as OME-TIFF"
        )
    if "S" in sizes and "C" in sizes:
        raise ImageError(f"{path} has {sizes['C']} channels in colour: export one of them as OME-TIFF")
    outer = tuple((axis, size) for axis, size in sizes.items() if axis in "TZ")
    n_channels = sizes.get("C", sizes.get("S", 1))
    pixel_size_um, notes = micrometers(um)
    header = Header(
        (sizes["Y"], sizes["X"]), n_channels, prod(size for _, size in outer), np.dtype(dtype), pixel_size_um,
        outer=outer, channel_names=tuple(channel_names) if len(channel_names) == n_channels else (), notes=notes,
    )  # fmt: skip
    believed(header, path)

    def plane(number: int, channel: int | None) -> NDArray:
        pixels = read(steps(outer, number), channel)
        if pixels.shape[1:] != header.size:
            raise ValueError(f"a plane is of {pixels.shape[1:]} pixels, not of {header.size}")
        return pixels

    return Source(header, "".join(sizes).replace("S", "C"), plane)
