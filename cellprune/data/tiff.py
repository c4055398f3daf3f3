"""TIFF files, single or stacked, grey or with channels: header first, then the pixels of one plane."""

import re
from math import isfinite, prod
from pathlib import Path

import numpy as np
import tifffile

from cellprune.data.header import MAX_PIXELS, Header, ImageError, believed, chosen, without_alpha

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_CHANNELS = "CS"  # channels saved page by page, and samples of one pixel
_ALPHA = (1, 2)  # extra samples of the TIFF standard: premultiplied or not
_UM_PER_RESOLUTION_UNIT = {2: 25400.0, 3: 10000.0}  # inch, centimetre
_UM_PER_UNIT = {
    "nm": 1e-3, "mm": 1e3,
    # the two signs that look like mu, and ImageJ's escape of one
    **dict.fromkeys(("um", "\u00b5m", "\u03bcm", r"\u00B5m", "micron", "microns"), 1.0),
}  # fmt: skip
_COARSEST_UM = 20.0  # beyond it stands a screen's or a printer's resolution, which programs write unasked


def read_header(path: Path) -> Header:
    """Read what a TIFF says of its size; see `data.images.read_header`."""
    with _opened(path) as tif:
        return _header(tif, path)


def read_pixels(path: Path, plane: int | None) -> np.ndarray:
    """Read one plane, (C, H, W) as saved; see `data.images.read_image`."""
    with _opened(path) as tif:
        header = _header(tif, path)  # refused here, before memory is taken for the pixels
        pixels = _plane(tif, header, chosen(header, plane, path), path)
        return without_alpha(pixels, header, path) if _has_alpha(tif.series[0]) else pixels


def _opened(path: Path) -> tifffile.TiffFile:
    """Open this file alone: an OME-TIFF may name others, wherever they are, and bring their planes for its own."""
    return tifffile.TiffFile(path, _multifile=False)


def _header(tif: tifffile.TiffFile, path: Path) -> Header:
    series = tif.series
    if len(series) != 1:
        raise ImageError(f"{path} holds {len(series)} images of different kinds: save the one that is meant")
    sizes = dict(zip(series[0].axes, series[0].shape, strict=True))
    if not {"Y", "X"} <= set(sizes):
        raise ImageError(f"{path} is of shape {series[0].shape}, not an image of rows and columns: save it anew")
    channels = prod(sizes.get(axis, 1) for axis in _CHANNELS)
    planes = prod(series[0].shape) // max(1, sizes["Y"] * sizes["X"] * channels)
    if planes > 1 and channels == 1 and _is_part_of_channels(tif):
        raise ImageError(
            f"{path} holds {planes} planes of an image of several channels that other files complete: "
            "save it as one file"
        )
    header = Header(
        (sizes["Y"], sizes["X"]),
        channels - _has_alpha(series[0]),
        planes,
        np.dtype(series[0].dtype),
        _pixel_size_um(tif),
        looks_stacked=_looks_stacked(series[0]),
    )
    return believed(header, path)


def _looks_stacked(series: tifffile.TiffPageSeries) -> bool:
    colour = series.keyframe.photometric == tifffile.PHOTOMETRIC.RGB
    return colour and series.axes == "SYX" and series.dtype == np.uint8


def _is_part_of_channels(tif: tifffile.TiffFile) -> bool:
    """Tell an OME-TIFF whose planes lie in several files, so that its own may be of any channel and time."""
    if not tif.is_ome or tif.series[0].kind == "ome":
        return False
    channels = re.search(r'\bSizeC="(\d+)"', tif.ome_metadata or "")
    return channels is not None and int(channels[1]) > 1


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


def _pixel_size_um(tif: tifffile.TiffFile) -> tuple[float, float] | None:
    """Give (y, x) from OME's words, else ImageJ's, else the resolution tags; None for none that can be meant."""
    page = tif.series[0].keyframe
    across, down = page.resolution
    if tif.is_ome:
        size = _ome_um(tif.ome_metadata or "")
    elif tif.is_imagej:
        size = _inverse(across, down, _UM_PER_UNIT.get((tif.imagej_metadata or {}).get("unit", "")))
    else:
        size = None
    size = size or _inverse(across, down, _UM_PER_RESOLUTION_UNIT.get(int(page.resolutionunit or 0)))
    return size if size and all(isfinite(um) and 0 < um <= _COARSEST_UM for um in size) else None


def _inverse(across: float, down: float, um_per_unit: float | None) -> tuple[float, float] | None:
    """Turn pixels a unit into um a pixel, down before across."""
    return (um_per_unit / down, um_per_unit / across) if um_per_unit and across > 0 and down > 0 else None


def _ome_um(xml: str) -> tuple[float, float] | None:
    """Find the physical size; by a search, as a parser of XML from outside would do more than asked."""
    pixels = re.search(r"<(?:\w+:)?Pixels\b[^>]*>", xml)
    found: list[float] = []
    for axis in "YX":
        size = re.search(rf'\bPhysicalSize{axis}="([\d.eE+-]+)"', pixels[0]) if pixels else None
        unit = re.search(rf'\bPhysicalSize{axis}Unit="([^"]*)"', pixels[0]) if pixels else None
        um_per_unit = _UM_PER_UNIT.get(unit[1] if unit else "um")  # um where OME says nothing
        if size is None or um_per_unit is None:
            return None
        try:
            found.append(float(size[1]) * um_per_unit)
        except ValueError:
            return None
    return found[0], found[1]
