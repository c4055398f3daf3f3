"""TIFF files, single or stacked, grey or with channels: header first, then the pixels of one plane."""

from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from cellprune.data.header import MAX_PIXELS, Header, ImageError, believed, chosen, without_alpha

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_CHANNELS = "CS"  # channels saved page by page, and samples of one pixel
_MICROMETRES = ("micron", "um", "µm", "\\u00B5m")  # the last as ImageJ escapes it
_ALPHA = (1, 2)  # extra samples of the TIFF standard: premultiplied or not


def read_header(path: Path) -> Header:
    """Read what a TIFF says of its size; see `data.images.read_header`."""
    with tifffile.TiffFile(path) as tif:
        return _header(tif, path)


def read_pixels(path: Path, plane: int | None) -> np.ndarray:
    """Read one plane, (C, H, W) as saved; see `data.images.read_image`."""
    with tifffile.TiffFile(path) as tif:
        header = _header(tif, path)  # refused here, before memory is taken for the pixels
        pixels = _plane(tif, header, chosen(header, plane, path), path)
        return without_alpha(pixels, path) if _has_alpha(tif.series[0]) else pixels


def _header(tif: tifffile.TiffFile, path: Path) -> Header:
    series = tif.series
    if len(series) != 1:
        raise ImageError(f"{path} holds {len(series)} images of different kinds: save the one that is meant")
    sizes = dict(zip(series[0].axes, series[0].shape, strict=True))
    if not {"Y", "X"} <= set(sizes):
        raise ImageError(f"{path} is of shape {series[0].shape}, not an image of rows and columns: save it anew")
    channels = prod(sizes.get(axis, 1) for axis in _CHANNELS)
    header = Header(
        (sizes["Y"], sizes["X"]),
        channels - _has_alpha(series[0]),
        prod(series[0].shape) // max(1, sizes["Y"] * sizes["X"] * channels),
        np.dtype(series[0].dtype),
        _pixel_size_um(series[0].keyframe, tif.imagej_metadata or {}),
    )
    return believed(header, path)


def _has_alpha(series: tifffile.TiffPageSeries) -> bool:
    extra = series.keyframe.extrasamples
    return "S" in series.axes and bool(extra) and int(extra[-1]) in _ALPHA


def _plane(tif: tifffile.TiffFile, header: Header, plane: int, path: Path) -> np.ndarray:
    """Read the pages of one plane alone, or all of a file whose pages are no planes."""
    series = tif.series[0]
    inner = series.keyframe.axes
    outer = series.axes.removesuffix(inner)
    by_page = set(inner) <= {"Y", "X", *_CHANNELS} and len(series.pages) == prod(series.shape[: len(outer)])
    if header.planes == 1 or not by_page:
        if prod(series.shape) > MAX_PIXELS and header.planes > 1:
            raise ImageError(f"{path} is a stack of {header.planes} images saved in one piece: save it image by image")
        return _ordered(series.asarray(), series.axes, header, plane)
    pages = np.arange(len(series.pages)).reshape(series.shape[: len(outer)])
    pages = np.moveaxis(pages, outer.index("C"), -1) if "C" in outer else pages[..., None]
    wanted = pages.reshape(header.planes, -1)[plane].tolist()
    pixels = tif.asarray(key=wanted, series=0).reshape(len(wanted), *series.keyframe.shape)
    return _ordered(pixels, "C" + inner, header, 0)


def _ordered(pixels: np.ndarray, axes: str, header: Header, plane: int) -> np.ndarray:
    """Bring channels before rows and columns, whatever order they were saved in, and take one plane."""
    others = [at for at, axis in enumerate(axes) if axis not in {"Y", "X", *_CHANNELS}]
    channels = [at for at, axis in enumerate(axes) if axis in _CHANNELS]
    ordered = pixels.transpose(*others, *channels, axes.index("Y"), axes.index("X"))
    return ordered.reshape(-1 if others else 1, prod(pixels.shape[at] for at in channels), *header.size)[plane]


def _pixel_size_um(page: tifffile.TiffPage, imagej: dict[str, Any]) -> tuple[float, float] | None:
    um_per_unit = {2: 25400.0, 3: 10000.0}.get(int(page.resolutionunit or 0))
    if str(imagej.get("unit")) in _MICROMETRES:  # ImageJ keeps the unit apart from the standard's tag
        um_per_unit = 1.0
    across, down = page.resolution
    if um_per_unit is None or not (across > 0 and down > 0):
        return None
    return um_per_unit / down, um_per_unit / across
