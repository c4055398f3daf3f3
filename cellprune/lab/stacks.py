"""The labels of a stack as one stack: an OME-TIFF whose planes are moments of time, written and read plane by plane."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5
from xml.etree import ElementTree

import numpy as np
import tifffile
from numpy.typing import DTypeLike, NDArray

_LARGEST_BYTES = 2**32 - 2**25  # of a TIFF whose places are 32 bit


def is_big(shape: tuple[int, ...], dtype: DTypeLike) -> bool:
    """Tell whether numbers may need a BigTIFF."""
    return bool(np.prod(shape, dtype=float) * np.dtype(dtype).itemsize > _LARGEST_BYTES)


def write(
    path: Path,
    planes: Iterable[NDArray[np.integer]],
    *,
    shape: tuple[int, int, int],
    dtype: type[np.unsignedinteger],
    description: str,
    pixel_size_um: tuple[float, float] | None,
) -> None:
    """Write planes as they come, one in memory at a time.

    Args:
        path: the file.
        planes: `shape[0]` label images of `shape[1:]`.
        shape: (planes, height, width).
        dtype: in which all labels fit.
        description: what `description_of` gives back.
        pixel_size_um: (y, x); None when unknown.
    """
    # of what it was made: the same again is the same file, byte by byte
    words: dict[str, object] = {
        "axes": "TYX",
        "Description": description,
        "UUID": str(uuid5(NAMESPACE_OID, description)),
    }
    if pixel_size_um is not None:
        words |= {"PhysicalSizeY": pixel_size_um[0], "PhysicalSizeX": pixel_size_um[1]}  # um where OME says no unit
    with tifffile.TiffWriter(path, ome=True, bigtiff=is_big(shape, dtype)) as tif:
        tif.write(
            (plane.astype(dtype) for plane in planes),
            shape=shape,
            dtype=dtype,
            photometric="minisblack",
            compression="zlib",
            metadata=words,
            **resolution_tags(pixel_size_um),
        )


def resolution_tags(pixel_size_um: tuple[float, float] | None) -> dict[str, Any]:
    """Give the TIFF tags that carry a pixel size (y, x) on: pixels a centimetre, across first; none for None."""
    if pixel_size_um is None:
        return {}
    return {"resolution": (1e4 / pixel_size_um[1], 1e4 / pixel_size_um[0]), "resolutionunit": "CENTIMETER"}


def description_of(path: Path) -> str:
    """Give the description that a stack was written with.

    Raises:
        ValueError: it has none, or is no whole file.
    """
    with tifffile.TiffFile(path) as tif:
        words = tif.ome_metadata
    description = ElementTree.fromstring(words).find(".//{*}Description") if words else None
    if description is None or not description.text:
        raise ValueError(f"{path} has no description")
    return description.text
