"""Images of an OME-Zarr, those of a plate one after the other, read plane by plane at the largest level."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cellprune.files import listing
from cellprune.images.blocks import Windows, windows_of
from cellprune.images.header import LARGE_PX, MAX_PIXELS, MAX_PIXELS_IN_WINDOWS, Header, ImageError, believed
from cellprune.images.omezarr import metadata, storage
from cellprune.images.source import Member, Source, micrometers, steps
from cellprune.targets.kinds import Box, Extent

if TYPE_CHECKING:
    import zarr


def members(path: Path) -> list[Member]:
    """Give the images of an OME-Zarr: one, those of a well, a plate or a file of several series.

    Raises:
        ImageError: its own metadata cannot be read; what is missing below them is a fault of its own.
    """
    words, _ = metadata.read(path)
    if words.multiscales is not None:
        return [Member(path)]
    if words.plate is not None:
        return [one for well in words.plate.wells for one in _of_well(path, well.path)]
    if words.well is not None:
        return _of_parts(path, "", words.well)
    if words.series is not None:
        inside = sorted((name for name in listing.names(path) if name.isdecimal()), key=int)
        if not inside:
            raise ImageError(f"{path} is an OME-Zarr of several series, and none of them is there: copy it again")
        return [Member(path / name, name=name if len(inside) > 1 else "") for name in inside]
    raise ImageError(f"{path} is a Zarr without an image in it (no multiscales, no plate): name an OME-Zarr")


def _of_well(plate: Path, well: str) -> list[Member]:
    try:
        words, _ = metadata.read(plate / well)
        if words.well is None:
            raise ImageError(f"{plate / well} does not say which images the well has: copy the plate again")
    except ImageError as error:
        why = (
            str(error)
            if (plate / well).is_dir()
            else f"{plate / well} is a well of the plate, and is not there: copy the plate again"
        )
        return [Member(plate / well, fault=why)]
    return _of_parts(plate, f"{well}/", words.well)


def _of_parts(root: Path, prefix: str, well: metadata.Well) -> list[Member]:
    return [
        Member(
            root / prefix / one.path,
            name=f"{prefix}{one.path}".replace("/", "_"),
            fault=""
            if (root / prefix / one.path).is_dir()
            else f"{root / prefix / one.path} is an image of the plate, and is not there: copy the plate again",
        )
        for one in well.images
    ]


@contextmanager
def opened(path: Path, number: int | None) -> Iterator[Source]:
    """Open one image.

    Raises:
        ImageError: it cannot be meant, or is damaged.
        ImportError: zarr is not there.
    """
    words, image = image_words(path)
    if words.of_image is not None:
        raise ImageError(f"{path} holds labels, not an image: name the image that they are of")
    axes = metadata.axes_of(image, path)
    array = storage.array(path / image.datasets[0].path, axes)
    sizes = dict(zip(axes, map(int, array.shape), strict=True))
    outer = tuple((axis, sizes[axis]) for axis in axes if axis not in "CYX" and sizes[axis] > 1)
    pixel_size_um, notes = micrometers(metadata.um_of(image, axes))
    size, n_channels = (sizes["Y"], sizes["X"]), sizes.get("C", 1)
    pixels = _Pixels(array, axes, outer, size, storage.block_size(array, axes))
    in_windows = prod(size) > LARGE_PX and pixels.block_size is not None
    header = Header(
        size, n_channels, prod(size for _, size in outer), array.dtype, pixel_size_um, outer=outer,
        channel_names=_channel_names(words, n_channels), notes=notes, in_windows=in_windows,
    )  # fmt: skip
    if prod(size) > MAX_PIXELS and not in_windows:
        raise ImageError(
            f"{path} has more than {MAX_PIXELS} pixels in chunks of {' x '.join(map(str, array.chunks))}, which can be "
            "read as a whole alone: save it in chunks of 1024 x 1024 pixels"
        )
    believed(header, path, most_pixels=MAX_PIXELS_IN_WINDOWS)

    def doubts() -> tuple[str, ...]:
        lacking, n_pieces = storage.absent(path / image.datasets[0].path, array)
        if lacking <= 0:
            return ()
        return (
            f"lacks {lacking:,} of its {n_pieces:,} chunks, which count as black: if its program does not leave out "
            "black ones, copy it again",
        )

    yield Source(header, axes, pixels.whole, doubts, pixels.windows if in_windows else None)


@dataclass(frozen=True)
class _Pixels:
    """The array of an image.

    Attributes:
        array: open.
        axes: a letter for each of its axes.
        outer: see `Header`.
        size: (height, width).
        block_size: see `storage.block_size`.
    """

    array: "zarr.Array"
    axes: str
    outer: tuple[tuple[str, int], ...]
    size: Extent
    block_size: Extent | None

    def whole(self, plane: int, channel: int | None) -> NDArray:
        """Give a plane, (C, H, W)."""
        return self._part(plane, channel, (slice(0, self.size[0]), slice(0, self.size[1])))

    def windows(self, plane: int, channel: int | None) -> Windows:
        """Give what reads boxes of a plane, (C, h, w)."""
        of_block = self.block_size or self.size

        def block(*number: int) -> NDArray:
            rows, columns = (
                slice(n * of, min(whole, (n + 1) * of))
                for n, of, whole in zip(number, of_block, self.size, strict=True)
            )
            return self._part(plane, channel, (rows, columns))

        return windows_of(block, self.size, of_block)

    def _part(self, plane: int, channel: int | None, box: Box) -> NDArray:
        at = steps(self.outer, plane)
        channels = slice(None) if channel is None else slice(channel, channel + 1)
        wanted = {"Y": box[0], "X": box[1], "C": channels}
        pixels = np.asarray(self.array[tuple(wanted.get(axis, at.get(axis, 0)) for axis in self.axes)])
        kept = [axis for axis in self.axes if axis in wanted]
        pixels = pixels.transpose([kept.index(axis) for axis in "CYX" if axis in kept])
        return pixels if "C" in kept else pixels[None]


def image_words(path: Path) -> tuple[metadata.Words, metadata.Multiscale]:
    """Give what an image says of itself.

    Raises:
        ImageError: there is none, or several.
    """
    words, _ = metadata.read(path)
    if not words.multiscales:
        raise ImageError(f"{path} does not say which image it holds (no multiscales): copy the OME-Zarr again")
    if len(words.multiscales) > 1:
        raise ImageError(f"{path} holds {len(words.multiscales)} images at once: name the one that is meant")
    return words, words.multiscales[0]


def _channel_names(words: metadata.Words, n_channels: int) -> tuple[str, ...]:
    names = [one.label for one in words.omero.channels if one.label]
    return tuple(names) if len(names) == len(words.omero.channels) == n_channels else ()


def files(path: Path) -> list[str]:
    """Name the files that an image is made of: its own words and its largest level, not its labels."""
    largest = image_words(path)[1].datasets[0].path
    words = [name for name in (".zattrs", "zarr.json") if (path / name).is_file()]
    chunks = (f"{largest}/{name}" for name in listing.below(path / largest) if not name.endswith(".partial"))
    return [*words, *chunks]
