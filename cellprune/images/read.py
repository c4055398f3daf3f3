"""Images and label images: check the header, read, normalize, resize. Plain numpy, no torch.

Hard rules, each an `ImageError` that names the file: a whole, readable TIFF or PNG; tags that are honoured (see
`images.tiff_tags`); one plane, or the one asked for; at most `MAX_PIXELS` and `MAX_CHANNELS`; a real number type
(labels: whole numbers, one channel, no compression that may change them); no NaN and no infinity; an image (not labels)
that is not constant.
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from cellprune.images import foreign, png, tiff
from cellprune.images.blocks import Windows
from cellprune.images.header import MAX_CHANNELS, MAX_PIXELS, UNSTACK, Header, ImageError, Pick
from cellprune.wording import reason

__all__ = [
    "MAX_CHANNELS", "MAX_PIXELS", "SUFFIXES", "UNSTACK", "Floats", "Header", "ImageError", "Labels", "Pick", "Target",
    "are_equal", "equal_channels", "in_unit_range", "is_blank", "is_constant", "normalize", "opened_windows",
    "read_grey_levels", "read_header", "read_image", "read_labels", "read_pixels", "resize_image", "resize_labels",
]  # fmt: skip

SUFFIXES = (".tif", ".tiff", ".png")  # in any case
_ROUNDING = 1e-7  # the deviation, of values in 0..1, that resizing may bring into a constant channel

Floats = NDArray[np.float32]
Labels = NDArray[np.int32]
Target = NDArray[np.uint8]
_T = TypeVar("_T")


def read_header(path: Path, *, slices: bool = False, axes: str | None = None, windows: bool = False) -> Header:
    """Read a file's header and refuse what is not an image of a sane size.

    Args:
        slices: whether its planes may be slices in Z; else they must be moments of time.
        axes: of the file in its order, where it does not say them, as `order.checked` gives them.
        windows: whether it may have up to `MAX_PIXELS_IN_WINDOWS`, if it can be read by `opened_windows`.
    Raises:
        ImageError: see the module's hard rules; pixel values are not looked at; axes that contradict the file.
    """
    return _opened(path, lambda kind: kind.read_header(path, slices=slices, axes=axes, windows=windows))


def equal_channels(path: Path, plane: int | None = None) -> bool:
    """Tell whether a file saves one and the same image as each of several channels, as grey in colour is saved.

    Args:
        plane: see `read_image`.
    Raises:
        ImageError: see the module's hard rules.
    """
    return are_equal(read_pixels(path, plane))


def read_pixels(path: Path, plane: int | None = None) -> NDArray:
    """Read an image to be looked at: (C, H, W) as it is saved, whatever it shows, a constant one, too.

    Args:
        plane: see `read_image`.
    Raises:
        ImageError: no whole, readable image.
    """
    pixels: NDArray = _opened(path, lambda kind: kind.read_pixels(path, plane))
    return pixels


def read_image(path: Path, plane: int | None = None, *, channels: int | None = None) -> Floats:
    """Read a microscopy image.

    Args:
        plane: which image of a stack, from 0; None where the file must hold exactly one.
        channels: how many are wanted: where it is one, equal channels are one; None takes them as they are saved.
    Returns:
        (C, H, W) float32 in 0..1: the image's own darkest value is 0, its brightest 1, over all channels together and
        whatever its type and offset. An alpha channel that hides nothing is dropped.
    Raises:
        ImageError: see the module's hard rules.
    """
    levels = read_grey_levels(path, plane, channels=channels)
    require_contrast(levels, path, plane)
    return in_unit_range(levels)


def in_unit_range(pixels: NDArray) -> Floats:
    """Give grey levels as float32, the darkest 0 and the brightest 1, over all channels together."""
    low = pixels.min()
    # beyond 16 bits float32 cannot hold the value before the offset is gone
    working: NDArray[np.floating] = pixels.astype(np.float64 if pixels.dtype.itemsize > 2 else np.float32)
    working = working - low
    working = working / working.max()
    return working.astype(np.float32, copy=False)


def read_grey_levels(
    path: Path, plane: int | None = None, *, channels: int | None = None, pick: Pick | None = None
) -> NDArray:
    """Read a microscopy image as it is saved: (C, H, W) of the file's own type, a blank one, too; see `read_image`.

    Args:
        pick: what of a file of several axes is meant, in the place of `plane`.
    """
    pixels = _opened(path, lambda kind: _picked(partial(kind.read_pixels, path), plane, pick))
    return usable(pixels, path, channels=channels)


def usable(pixels: NDArray, path: Path, *, channels: int | None) -> NDArray:
    """Give the grey levels (C, H, W) of a file back where they are some; see `read_grey_levels`."""
    require_grey_levels(pixels, path)
    return pixels[:1] if channels == 1 and are_equal(pixels) else pixels


def require_grey_levels(pixels: NDArray, path: Path) -> None:
    """Refuse values that are no grey levels.

    Raises:
        ImageError: of another kind, NaN or infinite.
    """
    if pixels.dtype.kind not in "uif":
        raise ImageError(f"{path} holds {pixels.dtype} values, which are not grey levels: save it as 8 or 16 bit")
    if not np.isfinite(pixels).all():
        raise ImageError(f"{path} has NaN or infinite pixels: repair it or leave the frame out")


def is_blank(pixels: NDArray) -> bool:
    """Tell whether every pixel of an image is the same."""
    return bool(pixels.min() == pixels.max())


def require_contrast(pixels: NDArray, path: Path, plane: int | None = None) -> None:
    """Refuse a blank image, of which nothing can be learned.

    Raises:
        ImageError: names it.
    """
    if is_blank(pixels):
        which = path if plane is None else f"{path}, plane {plane},"
        raise ImageError(
            f"{which} is constant, every pixel is {pixels.min()}: there is nothing to see; leave the frame out"
        )


@contextmanager
def opened_windows(path: Path, plane: int | None = None, *, pick: Pick | None = None) -> Iterator[Windows]:
    """Open an image to be read a box at a time: (C, h, w) of the file's own type, as `read_grey_levels` gives all.

    A TIFF in tiles, in strips or without compression is read so. All else is in memory as a whole meanwhile: a PNG, a
    TIFF that is compressed in one piece, what is made of several slices.

    Args:
        plane, pick: see `read_grey_levels`.
    Raises:
        ImageError: see the module's hard rules; the values of pixels are not looked at.
    """
    with ExitStack() as stack:
        windows, channels = None, slice(None)
        if is_of_one_plane(pick) and _opened(path, lambda kind: kind is tiff):
            one = plane if pick is None else pick.planes[0]
            of = {} if pick is None else {"slices": True, "axes": pick.axes}
            windows = _opened(path, lambda kind: stack.enter_context(kind.opened_windows(path, one, **of)))
        if windows is None:
            pixels = _opened(path, lambda kind: _picked(partial(kind.read_pixels, path), plane, pick))
            yield lambda box: pixels[:, box[0], box[1]]
            return
        if pick is not None and pick.channel is not None:
            channels = slice(pick.channel, pick.channel + 1)
        yield lambda box: _opened(path, lambda kind: windows(box)[channels])


def is_of_one_plane(pick: Pick | None) -> bool:
    """Tell whether what is meant of a file is a plane of it, and not made of several."""
    return pick is None or len(pick.planes) == 1


def _picked(read: Callable[..., NDArray], plane: int | None, pick: Pick | None) -> NDArray:
    """Read what is meant, plane by plane."""
    if pick is None:
        return read(plane)
    pixels = read(pick.planes[0], slices=True, axes=pick.axes)
    for other in pick.planes[1:]:
        pixels = np.maximum(pixels, read(other, slices=True, axes=pick.axes))
    return pixels if pick.channel is None else pixels[pick.channel : pick.channel + 1]


def read_labels(path: Path, plane: int | None = None) -> Labels:
    """Read an image of whole numbers: of cells, or of classes.

    Args:
        plane: see `read_image`.
    Returns:
        (H, W) int32, 0 is background.
    Raises:
        ImageError: see the module's hard rules; also negative or huge labels.
    """
    pixels = _opened(path, lambda kind: kind.read_numbers(path, plane))
    if len(pixels) != 1 and not are_equal(pixels):
        raise ImageError(f"{path} is a colour image of {len(pixels)} channels, but labels are numbers: save it as grey")
    if pixels.dtype.kind not in "uib":
        raise ImageError(f"{path} holds {pixels.dtype} values, but labels are whole numbers: save them as 16 bit")
    if pixels.size and (pixels.min() < 0 or pixels.max() > np.iinfo(np.int32).max):
        raise ImageError(f"{path} has labels outside 0..2^31-1: number the cells from 1")
    return pixels[0].astype(np.int32)


def normalize(image: Floats) -> Floats:
    """Bring every channel to mean 0 and standard deviation 1; a constant channel becomes 0.

    Args:
        image: (C, H, W) floats.
    """
    return np.stack([_normalized(channel) for channel in image])


def _normalized(channel: Floats) -> Floats:
    mean, std = channel.mean(dtype=np.float64), channel.std(dtype=np.float64)
    if is_constant(std):
        return np.zeros_like(channel)
    return ((channel - mean) / std).astype(np.float32)


def is_constant(deviation: np.floating) -> bool:
    """Tell whether a channel in 0..1 of such a deviation is constant, but for what resizing brought into it."""
    return bool(deviation < _ROUNDING)


def resize_image(image: Floats, size: tuple[int, int]) -> Floats:
    """Resize linearly, blurred first where it shrinks so that nothing aliases.

    Args:
        image: (C, H, W) float32.
        size: (height, width) to reach; the two axes may change by different factors.
    """
    return image if image.shape[1:] == size else np.stack([_resized(channel, size) for channel in image])


def _resized(channel: Floats, size: tuple[int, int]) -> Floats:
    """Do what scikit-image's `resize(mode="edge", anti_aliasing=True)` does, bit for bit, and loads faster."""
    from scipy import ndimage  # which the header check and the command line do without

    factors = np.divide(channel.shape, size)
    smooth = ndimage.gaussian_filter(channel, np.maximum(0, (factors - 1) / 2), mode="nearest")
    zoomed = ndimage.zoom(smooth, [1 / factor for factor in factors], order=1, mode="nearest", grid_mode=True)
    return zoomed.clip(channel.min(), channel.max()).astype(np.float32)


def resize_labels(labels: NDArray, size: tuple[int, int]) -> NDArray:
    """Resize by taking the pixel under each new pixel's centre: no value that was not there before.

    Args:
        labels: (H, W), or several maps of it (..., H, W), of any type: instances, classes, `IGNORED`, distances.
        size: (height, width) to reach.
    """
    rows, columns = (
        ((2 * np.arange(new) + 1) * old // (2 * new)) for new, old in zip(size, labels.shape[-2:], strict=True)
    )
    return labels[..., rows[:, None], columns]


def are_equal(pixels: NDArray) -> bool:
    """Tell whether (C, H, W) pixels are one and the same image in each of several channels."""
    return len(pixels) > 1 and all(np.array_equal(pixels[0], other) for other in pixels[1:])


def _opened(path: Path, use: Callable[[Any], _T]) -> _T:
    """Use the module that reads such a file; what a decoder throws at a damaged one becomes one clear line."""
    try:
        return use(_kind(path))
    except ImageError:
        raise
    except FileNotFoundError as error:
        raise ImageError(f"{path} is missing: copy it again") from error
    except PermissionError as error:
        raise ImageError(f"{path} may not be read by this user: change its permissions") from error
    except MemoryError as error:
        raise ImageError(f"{path} needs more memory than there is: cut it into parts") from error
    except Exception as error:  # decoders raise what they like: struct.error, IndexError, imagecodecs' own ...
        raise ImageError(f"{path} is not a whole TIFF or PNG ({reason(error)}): copy it again") from error


def _kind(path: Path) -> ModuleType:
    """Tell TIFF and PNG by how they begin: names may lie."""
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        raise ImageError(f"{path} {foreign.refusal_of_folder(path)}")
    if not stat.S_ISREG(mode):  # reading it might wait for ever
        raise ImageError(f"{path} is a pipe, a socket or a device: save what comes out of it as a file")
    with path.open("rb") as file:
        start = file.read(foreign.LONGEST_START)
    if not start:
        raise ImageError(f"{path} is empty: copy it again")
    if start.startswith(png.SIGNATURE):
        return png
    if start.startswith(tiff.SIGNATURES):
        return tiff
    if len(start) < len(png.SIGNATURE):
        raise ValueError("it breaks off within its first bytes")
    raise ImageError(f"{path} {foreign.refusal(start)}")
