"""Images and label images: check the header, read, normalize, resize. Plain numpy, no torch.

Hard rules, each an `ImageError` that names the file: a whole, readable TIFF; one 2-D plane; at most `MAX_PIXELS`; a
real number type (labels: whole numbers); no NaN and no infinity; an image (not labels) that is not constant.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import tifffile
from numpy.typing import NDArray

from cellprune.errors import CellpruneError

MAX_PIXELS = 2**28  # 16384 x 16384: beyond it a header is taken for damaged or hostile
IGNORED = 255  # in a target: neither learned nor scored

Floats = NDArray[np.float32]
Labels = NDArray[np.int32]
Target = NDArray[np.uint8]
_T = TypeVar("_T")


class ImageError(CellpruneError):
    """An image or label file that cannot be used; the message names it."""


@dataclass(frozen=True)
class Header:
    """What a file says of itself before its pixels are read.

    Attributes:
        size: (height, width) in pixels.
        pixel_size_um: (y, x) from the resolution tags; None when they are absent or without a unit.
    """

    size: tuple[int, int]
    dtype: np.dtype
    pixel_size_um: tuple[float, float] | None


def read_header(path: Path) -> Header:
    """Read a TIFF's header and refuse what is not one 2-D plane of a sane size.

    Raises:
        ImageError: see the module's hard rules; pixel values are not looked at.
    """
    return _opened(path, lambda tif: _header(tif, path))


def read_image(path: Path) -> Floats:
    """Read a microscopy image.

    Returns:
        (H, W) float32 in 0..1: the image's own darkest pixel is 0, its brightest 1, whatever its type and offset.
    Raises:
        ImageError: see the module's hard rules.
    """
    pixels = _pixels(path)
    if pixels.dtype.kind not in "uif":
        raise ImageError(f"{path} holds {pixels.dtype} values, which are not grey levels: save it as 8 or 16 bit")
    if not np.isfinite(pixels).all():
        raise ImageError(f"{path} has NaN or infinite pixels: repair it or leave the frame out")
    low, high = pixels.min(), pixels.max()
    if low == high:
        raise ImageError(f"{path} is constant, every pixel is {low}: there is nothing to see; leave the frame out")
    # beyond 16 bits float32 cannot hold the value before the offset is gone
    working: NDArray[np.floating] = pixels.astype(np.float64 if pixels.dtype.itemsize > 2 else np.float32)
    working = working - low
    working = working / working.max()
    return working.astype(np.float32, copy=False)


def read_labels(path: Path) -> Labels:
    """Read an instance image.

    Returns:
        (H, W) int32, 0 is background.
    Raises:
        ImageError: see the module's hard rules; also negative or huge labels.
    """
    pixels = _pixels(path)
    if pixels.dtype.kind not in "ui":
        raise ImageError(f"{path} holds {pixels.dtype} values, but labels are whole numbers: save them as 16 bit")
    if pixels.size and (pixels.min() < 0 or pixels.max() > np.iinfo(np.int32).max):
        raise ImageError(f"{path} has labels outside 0..2^31-1: number the cells from 1")
    return pixels.astype(np.int32)


def normalize(image: Floats) -> Floats:
    """Bring an image to mean 0 and standard deviation 1.

    Args:
        image: (H, W) floats, not constant.
    """
    mean, std = image.mean(dtype=np.float64), image.std(dtype=np.float64)
    return ((image - mean) / std).astype(np.float32)


def resize_image(image: Floats, size: tuple[int, int]) -> Floats:
    """Resize linearly, blurred first where it shrinks so that nothing aliases.

    Args:
        image: (H, W) float32.
        size: (height, width) to reach; the two axes may change by different factors.
    """
    from skimage.transform import resize  # 0.4 s that the header check and the command line do without

    if image.shape == size:
        return image
    return resize(image, size, order=1, mode="edge", anti_aliasing=True, preserve_range=True).astype(np.float32)


def resize_labels(labels: NDArray, size: tuple[int, int]) -> NDArray:
    """Resize by taking the pixel under each new pixel's centre: no value that was not there before.

    Args:
        labels: (H, W) of any type: instances, classes, `IGNORED`.
        size: (height, width) to reach.
    """
    rows, columns = (((2 * np.arange(new) + 1) * old // (2 * new)) for new, old in zip(size, labels.shape, strict=True))
    return labels[np.ix_(rows, columns)]


def _pixels(path: Path) -> NDArray:
    def read(tif: tifffile.TiffFile) -> NDArray:
        size = _header(tif, path).size  # refused here, before memory is taken for the pixels
        return tif.asarray().reshape(size)

    return _opened(path, read)


def _header(tif: tifffile.TiffFile, path: Path) -> Header:
    series = tif.series
    if len(series) != 1:
        raise ImageError(f"{path} holds {len(series)} images, not one: save the one that is meant")
    shape, axes = series[0].shape, series[0].axes
    if "S" in axes:
        raise ImageError(f"{path} is a colour image of shape {shape}: cellprune reads one grey channel; convert it")
    if len(shape) != 2:
        raise ImageError(f"{path} is a stack of shape {shape} where one 2-D image is meant: save it plane by plane")
    if shape[0] * shape[1] > MAX_PIXELS:
        raise ImageError(f"{path} claims {shape[0]} x {shape[1]} pixels, more than {MAX_PIXELS}: cut it into parts")
    return Header((int(shape[0]), int(shape[1])), np.dtype(series[0].dtype), _pixel_size_um(series[0].keyframe))


def _pixel_size_um(page: tifffile.TiffPage) -> tuple[float, float] | None:
    um_per_unit = {2: 25400.0, 3: 10000.0}.get(int(page.resolutionunit or 0))
    across, down = page.resolution
    if um_per_unit is None or not (across > 0 and down > 0):
        return None
    return um_per_unit / down, um_per_unit / across


def _opened(path: Path, use: Callable[[tifffile.TiffFile], _T]) -> _T:
    """Use an open TIFF; whatever its decoder may throw at a damaged file becomes one clear line."""
    try:
        if path.stat().st_size == 0:
            raise ImageError(f"{path} is empty: copy it again")
        with tifffile.TiffFile(path) as tif:
            return use(tif)
    except (ImageError, MemoryError):
        raise
    except FileNotFoundError as error:
        raise ImageError(f"{path} is missing: copy it again") from error
    except PermissionError as error:
        raise ImageError(f"{path} may not be read by this user: change its permissions") from error
    except Exception as error:  # decoders raise what they like: struct.error, IndexError, imagecodecs' own ...
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise ImageError(f"{path} is not a whole TIFF ({reason}): copy it again") from error
