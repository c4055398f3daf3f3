"""What an image file says of itself before its pixels are read, and how much of it is believed."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellprune.errors import CellpruneError

MAX_PIXELS = 2**28  # 16384 x 16384: beyond it a header is taken for damaged or hostile
LARGE_PX = 12_500_000  # beyond it an image is predicted part by part, so that it is never in memory as a whole
MAX_PIXELS_IN_WINDOWS = 2**32  # of an image that can be read so
MAX_CHANNELS = 16
COARSEST_UM = 20.0  # a pixel of a microscope is smaller; programs write a screen's or a printer's unasked
UNSTACK = "if these are images of a stack, save them with photometric='minisblack'"  # where a header looks stacked


class ImageError(CellpruneError):
    """An image or label file that cannot be used; the message names it."""


@dataclass(frozen=True)
class Header:
    """What a file says of itself.

    Attributes:
        size: (height, width) in pixels.
        channels: values of a pixel: 1 grey, 3 colour; an alpha channel does not count.
        planes: images of this size in the file: 1, or the frames or slices of a stack.
        pixel_size_um: (y, x) as OME, ImageJ or a TIFF's resolution tags say it; None when none of them does, or when
            it is larger than a microscope's pixels are.
        looks_stacked: colour of 8 bit saved channel by channel, as programs tag a stack of 3 or 4 grey images when
            nobody tells them otherwise.
        outer: the axes of its planes and their sizes, outermost first, such as (("T", 10), ("Z", 5)); empty for one.
        channel_names: as OME says them; empty where it says none.
        notes: what a user is to know of the file, each the rest of a sentence that begins with its name.
        in_windows: whether a large image can be read a box at a time.
    """

    size: tuple[int, int]
    channels: int
    planes: int
    dtype: np.dtype
    pixel_size_um: tuple[float, float] | None
    looks_stacked: bool = False
    outer: tuple[tuple[str, int], ...] = ()
    channel_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    in_windows: bool = False

    @property
    def slices(self) -> int:
        """Slices in Z of each moment."""
        return dict(self.outer).get("Z", 1)

    def __post_init__(self) -> None:
        """Turn whole numbers of any library into int."""
        object.__setattr__(self, "size", (int(self.size[0]), int(self.size[1])))


@dataclass(frozen=True)
class Pick:
    """What of a file of several axes makes one image.

    Attributes:
        planes: slices in Z, of which each pixel gets the brightest; one is taken as it is.
        channel: from 0; None for all.
        axes: of the file in its order, where it does not say them; None for what it says.
    """

    planes: tuple[int, ...]
    channel: int | None = None
    axes: str | None = None


def believed(header: Header, path: Path, *, most_pixels: int = MAX_PIXELS) -> Header:
    """Give the header back when it is sane.

    Args:
        header: what a file says of itself.
        path: the file.
        most_pixels: more are not meant.
    Raises:
        ImageError: no pixel, or more pixels or channels than an image has.
    """
    height, width = header.size
    if not 0 < height * width <= most_pixels:
        raise ImageError(f"{path} claims {height} x {width} pixels, more than {most_pixels} or none: cut it into parts")
    if not 0 < header.channels <= MAX_CHANNELS:
        raise ImageError(f"{path} claims {header.channels} channels, more than {MAX_CHANNELS}: save those that matter")
    return header


def chosen(header: Header, plane: int | None, path: Path, *, most_pixels: int = MAX_PIXELS) -> int:
    """Give the number of the plane to read; without one the file must hold exactly one.

    Args:
        header: of the file.
        plane: that is asked for.
        path: the file.
        most_pixels: that the one who reads can take.
    Raises:
        ImageError: too many pixels; a stack where one image is meant, or a plane that it does not have.
    """
    believed(header, path, most_pixels=most_pixels)
    if plane is None and header.planes != 1:
        raise ImageError(
            f"{path} is a stack of {header.planes} images, but one is expected: save each image as a file of its own"
        )
    if plane is not None and not 0 <= plane < header.planes:
        raise ImageError(f"{path} has no image {plane}: it holds {header.planes}, counted from 0")
    return plane or 0


def without_alpha(pixels: np.ndarray, header: Header, path: Path) -> np.ndarray:
    """Drop the last of the channels, (C, H, W), which says how opaque each pixel is.

    Raises:
        ImageError: a pixel is transparent: what lies under it is not known.
    """
    whole = np.iinfo(pixels.dtype).max if pixels.dtype.kind in "ui" else 1
    if not (pixels[-1] == whole).all():
        remedy = f"; {UNSTACK}" if header.looks_stacked else ""
        raise ImageError(f"{path} is transparent in places: save it without an alpha channel{remedy}")
    return pixels[:-1]
