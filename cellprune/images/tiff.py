"""TIFF files, single or stacked, grey or with channels: header first, then the pixels of one plane."""

import html
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from math import isfinite, prod
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from cellprune.images import ome, order, tiff_tags
from cellprune.images.blocks import Windows
from cellprune.images.header import (
    COARSEST_UM,
    LARGE_PX,
    MAX_PIXELS,
    MAX_PIXELS_IN_WINDOWS,
    Header,
    ImageError,
    believed,
    chosen,
    without_alpha,
)
from cellprune.images.ifd import Directory, directories
from cellprune.images.tiff_segments import require_whole
from cellprune.images.tiff_windows import MAX_SEGMENT_PX, coded_windows, largest_segment, raw_windows
from cellprune.targets.kinds import Box
from cellprune.wording import many

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_CHANNELS = "CS"  # channels saved page by page, and samples of one pixel
_MOMENTS = "TIQ"  # time, and axes of which a file says nothing
_NO_MOMENTS = {"Z": "slices in Z", "R": "positions", "P": "positions", "M": "tiles of a mosaic", "A": "angles"}
_UNNAMED = (
    "does not say what its pages are, so each is taken for a moment in time: give --axes ZYX or --axes CYX if they are "
    "slices or channels"
)
_LUMINANCE = (0.299, 0.587, 0.114)  # of red, green, blue: ITU-R BT.601
_UM_PER_RESOLUTION_UNIT = {2: 25400.0, 3: 10000.0}  # inch, centimetre
_UM_PER_UNIT = {
    "pm": 1e-6, "\u00c5": 1e-4, "nm": 1e-3, "mm": 1e3, "cm": 1e4, "m": 1e6, "in": 25400.0, "inch": 25400.0,
    # the two signs that look like mu, ImageJ's escape of one, and words that people type into ImageJ
    **dict.fromkeys(("um", "\u00b5m", "\u03bcm", r"\u00b5m", "micron", "microns"), 1.0),
    **dict.fromkeys(("micrometer", "micrometers", "micrometre", "micrometres"), 1.0),
}  # fmt: skip


def read_header(path: Path, *, slices: bool = False, axes: str | None = None, windows: bool = False) -> Header:
    """Read what a TIFF says of its size; see `images.read.read_header`."""
    with _opened(path, slices=slices, axes=axes) as image:
        in_windows = windows and prod(image.header.size) > LARGE_PX and image.segments(0) is not None
        most_pixels = MAX_PIXELS_IN_WINDOWS if in_windows else MAX_PIXELS
        if windows and not in_windows and prod(image.header.size) > MAX_PIXELS:
            raise ImageError(
                f"{path} has more than {MAX_PIXELS} pixels, which can be read as a whole alone: save it as a TIFF "
                "in tiles"
            )
        return replace(believed(image.header, path, most_pixels=most_pixels), in_windows=in_windows)


def read_pixels(path: Path, plane: int | None, *, slices: bool = False, axes: str | None = None) -> np.ndarray:
    """Read one plane, (C, H, W), its palette looked up and white the brightest; see `images.read.read_image`."""
    with _opened(path, slices=slices, axes=axes) as image:
        number = chosen(image.header, plane, path)  # refused here, before memory is taken for the pixels
        return image.colours(number) if image.has_colours else image.numbers(number)


@contextmanager
def opened_windows(
    path: Path, plane: int | None, *, slices: bool = False, axes: str | None = None
) -> "Iterator[Windows | None]":
    """Open a plane to be read a box at a time; None where it can only be read as a whole."""
    with _opened(path, slices=slices, axes=axes) as image:
        number = chosen(image.header, plane, path, most_pixels=MAX_PIXELS_IN_WINDOWS)
        segments = image.segments(number)
        if segments is None:
            yield None
        elif image.has_colours:
            yield lambda box: image.in_colour(image.as_meant(segments(box)), number)
        else:
            yield lambda box: image.as_meant(segments(box))


def read_numbers(path: Path, plane: int | None = None) -> np.ndarray:
    """Read numbers that stand for cells or classes, (C, H, W): a palette's own, its colours are for show.

    Raises:
        ImageError: see `images.read.read_labels`; also a compression that may change numbers.
    """
    with _opened(path) as image:
        tiff_tags.require_lossless(image.page, path)
        return image.numbers(chosen(image.header, plane, path))


# the stacks that were read last, parsed, their files closed: an image's, and that of its labels
_last_stacks: dict[object, "_Image"] = {}
_KEPT = 2


@contextmanager
def _opened(path: Path, *, slices: bool = False, axes: str | None = None) -> "Iterator[_Image]":
    """Open a file; a stack whose planes are read one after the other is parsed once.

    Args:
        slices: whether its planes may be slices in Z, which then are no moments.
        axes: see `images.read.read_header`.
    """
    status = path.stat()
    key = path, axes, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
    image = _last_stacks.pop(key, None)  # no one else has it while it is in use
    if image is None:
        image = _parsed(path, axes)
    else:
        image.tif.filehandle.open()
    with image.tif:
        if not slices and image.header.slices > 1:
            raise _no_moments(path, "Z", image.header.slices)
        yield image
    if image.header.planes > 1:
        _last_stacks[key] = image
        while len(_last_stacks) > _KEPT:
            del _last_stacks[next(iter(_last_stacks))]


def _parsed(path: Path, axes: str | None) -> "_Image":
    """Open a file and refuse it, closed again, where it cannot be understood."""
    pages = directories(path, tiff_tags.WANTED)
    tiff_tags.check(pages, path)
    # this file alone: an OME-TIFF and the sets of Micro-Manager may name others, wherever they are, and bring their
    # planes for its own
    tif = tifffile.TiffFile(path, _multifile=False, is_mmstack=False, is_ndtiff=False)
    try:
        series, words = _series(tif, pages, path)
        image = _Image(path, tif, pages, series, words, order.fitting(axes, series.axes, series.shape, path))
        assert image.header.planes  # made here
    except BaseException:
        tif.close()
        raise
    return image


def _series(
    tif: tifffile.TiffFile, pages: Sequence[Directory], path: Path
) -> tuple[tifffile.TiffPageSeries, frozenset[str]]:
    """Give the one series of planes that the file holds, and the kinds of words that claim to describe them all.

    Thumbnails and smaller copies do not count.
    """
    is_ome = bool(tif.is_ome)
    tif.is_ome = is_ome and ome.is_alone(tif.ome_metadata or "", len(pages), path)
    words = frozenset(kind for kind in ("ome", "imagej", "shaped") if getattr(tif, f"is_{kind}"))
    all_series = tif.series
    tif.is_ome = is_ome
    full = [series for series in all_series if not series.keyframe.is_reduced] or all_series
    if len(full) != 1:
        raise ImageError(f"{path} holds {len(full)} images of different kinds: save the one that is meant")
    return full[0], words


@dataclass(frozen=True)
class _Image:
    """A TIFF that was understood.

    Attributes:
        path: for messages.
        tif: open while it is read.
        pages: of its chain.
        series: its planes; pages that form an array.
        words: kinds of descriptions that claim to tell all planes: ome, imagej, shaped.
        axes: of the series, one letter each: as the file says, or its user where it does not.
    """

    path: Path
    tif: tifffile.TiffFile
    pages: list[Directory]
    series: Any
    words: frozenset[str]
    axes: str

    @cached_property
    def header(self) -> Header:
        series = self.series
        if series.keyframe.dtype is None:
            bits = f"BitsPerSample {series.keyframe.bitspersample}, SampleFormat {int(series.keyframe.sampleformat)}"
            raise ImageError(
                f"{self.path} holds numbers of a kind that cellprune does not read ({bits}): save it again"
            )
        sizes = dict(zip(self.axes, series.shape, strict=True))
        if not {"Y", "X"} <= set(sizes):
            raise ImageError(f"{self.path} is of shape {series.shape}, not an image of rows and columns: save it again")
        channels = prod(sizes.get(axis, 1) for axis in _CHANNELS)
        planes = prod(series.shape) // max(1, sizes["Y"] * sizes["X"] * channels)
        header = Header(
            (sizes["Y"], sizes["X"]),
            3 if self.has_colours else channels - self._has_alpha,
            planes,
            np.dtype(np.uint8 if self.has_colours else series.dtype),
            _pixel_size_um(self.tif),
            looks_stacked=_looks_stacked(series),
            outer=tuple(
                (axis, int(size))
                for axis, size in zip(self.axes, series.shape, strict=True)  # two may be without a name
                if axis not in {"Y", "X", *_CHANNELS} and size > 1
            ),
            channel_names=_channel_names(self.tif, channels),
            notes=(_UNNAMED,) if planes > 1 and set(self.axes) & set(order.UNNAMED) else (),
        )
        believed(header, self.path, most_pixels=MAX_PIXELS_IN_WINDOWS)
        self._require_its_pages()
        if planes > 1:
            self._require_moments(planes, channels)
        return header

    @property
    def page(self) -> Directory:
        """The first of the pages that are no smaller copies."""
        return next((page for page in self.pages if not tiff_tags.is_smaller_copy(page)), self.pages[0])

    @cached_property
    def has_colours(self) -> bool:
        """Whether its numbers stand for the colours of a palette.

        ImageJ saves the colours that an image is shown in as a palette; where these become brighter with the numbers,
        the numbers are brightnesses.
        """
        if self.page.value(262) != tiff_tags.PALETTE:
            return False
        shown = np.dot(_LUMINANCE, self.series.keyframe.colormap.astype(float))
        return not (self.tif.is_imagej and (np.diff(shown) >= 0).all() and shown[0] < shown[-1])

    def numbers(self, plane: int) -> np.ndarray:
        """Give a plane's numbers, (C, H, W), without its alpha channel, the largest the brightest."""
        return self.as_meant(self._plane(plane))

    def as_meant(self, pixels: np.ndarray) -> np.ndarray:
        """Give the numbers of pixels, (C, h, w), that are as they are saved; see `numbers`."""
        pixels = without_alpha(pixels, self.header, self.path) if self._has_alpha else pixels
        if self.page.value(262) != tiff_tags.MIN_IS_WHITE:
            return pixels
        if pixels.dtype == bool:
            # tifffile marks every mask of true and false so, and means no more by it than true and false
            return pixels if self.series.keyframe.software == "tifffile.py" else ~pixels
        return pixels.dtype.type(2 ** self.page.value(258, 1) - 1) - pixels

    def colours(self, plane: int) -> np.ndarray:
        """Give a plane's colours, (3, H, W) uint8, from its own palette."""
        return self.in_colour(self.numbers(plane), plane)

    def in_colour(self, numbers: np.ndarray, plane: int) -> np.ndarray:
        """Give the colours of numbers, (1, h, w), by the palette of their plane."""
        stored = self.series.pages[plane] if self.header.planes > 1 else self.series.keyframe
        palette: Any = (stored if isinstance(stored, tifffile.TiffPage) else stored.aspage()).colormap
        palette = palette if palette.max(initial=0) < 256 else palette >> 8  # 8 bit against the standard, or 16
        return palette.astype(np.uint8)[:, numbers[0].astype(np.intp)]

    @property
    def _has_alpha(self) -> bool:
        extra = self.series.keyframe.extrasamples
        return "S" in self.series.axes and bool(extra) and int(extra[-1]) in tiff_tags.ALPHA

    @property
    def _n_pages(self) -> int:
        """How many pages the shape of the series asks for."""
        return prod(self.series.shape) // max(1, prod(self.series.keyframe.shape))

    @property
    def _lies_in_one_piece(self) -> bool:
        """Whether one page begins a stack that the others follow without pages of their own."""
        return len(self.series.pages) != self._n_pages and self.series.dataoffset is not None

    def _require_its_pages(self) -> None:
        """Refuse a series whose words claim another number of planes than the file has pages or bytes for."""
        series, n_pages, size = self.series, self._n_pages, self.tif.filehandle.size
        held = len(self.pages)
        if self._lies_in_one_piece:
            start, end = series.dataoffset, series.dataoffset + prod(series.shape) * series.keyframe.dtype.itemsize
            fits = end <= size and self._n_full == 1 and not any(start <= page.offset < end for page in self.pages)
        elif len(series.pages) == n_pages:
            fits = n_pages <= held and not (series.kind == "ome" and None in list(series.pages))
        else:
            fits = False
        # tifffile gave up on the words; what OME says of a single page tells of no other
        unread = series.kind in ("generic", "uniform") and bool(self.words - ({"ome"} if held == 1 else set()))
        left = series.kind in ("imagej", "shaped") and not self._lies_in_one_piece and n_pages != self._n_full
        if series.kind == "shaped" and fits and not left:
            words = (self.tif.shaped_metadata or ())[self.tif.series.index(series)]
            left = prod(words["shape"]) != prod(series.shape)
        if not self.words and n_pages > held:
            raise ImageError(
                f"{self.path} holds images inside its {many(held, 'page')} (SubIFDs): save the one that is meant"
            )
        if not fits or unread or left:
            raise ImageError(f"{self.path} has a description that does not fit its {many(held, 'page')}: save it again")

    @property
    def _n_full(self) -> int:
        return sum(not tiff_tags.is_smaller_copy(page) for page in self.pages) or len(self.pages)

    def _require_moments(self, planes: int, channels: int) -> None:
        """Refuse planes that are not moments of time, or may be something else."""
        series = self.series
        for axis, size in zip(self.axes, series.shape, strict=True):
            if size > 1 and axis not in {"Y", "X", "Z", *_CHANNELS, *_MOMENTS}:
                raise _no_moments(self.path, axis, size)
        if channels == 1 and (several := _completed_elsewhere(self.tif, series)):
            raise ImageError(
                f"{self.path} holds {planes} planes of an image of several {several} that other files complete: "
                "save it as one file"
            )
        if series.kind in ("generic", "uniform") and self.tif.is_micromanager:
            raise ImageError(
                f"{self.path} holds {planes} planes that other files of Micro-Manager describe: export it as OME-TIFF"
            )

    def _plane(self, plane: int) -> np.ndarray:
        """Read the pages of one plane alone, or all of a file whose pages are no planes."""
        series, header = self.series, self.header
        if header.planes == 1 or not self._is_by_page:
            if prod(series.shape) > MAX_PIXELS and header.planes > 1:
                raise ImageError(
                    f"{self.path} is a stack of {header.planes} images saved in one piece: "
                    "save each image as a file of its own"
                )
            if not self._lies_in_one_piece:
                self._require_whole(range(self._n_pages))
            return _ordered(series.asarray(), self.axes, header, plane)
        inner = self.axes[-len(series.keyframe.shape) :]
        wanted = self._pages_of(plane)
        if self._lies_in_one_piece:
            pixels = np.stack([self._piece(page) for page in wanted])
        else:
            self._require_whole(wanted)
            pixels = self.tif.asarray(key=wanted, series=series).reshape(len(wanted), *series.keyframe.shape)
        return _ordered(pixels, "C" + inner, header, 0)

    @property
    def _is_by_page(self) -> bool:
        """Whether each page holds a plane or a channel of one; else one has all moments, or columns of all rows."""
        of_page = len(self.series.keyframe.shape)
        by_page = self.series.shape[-of_page:] == self.series.keyframe.shape
        return bool(by_page and {"Y", "X"} <= set(self.axes[-of_page:]) <= {"Y", "X", *_CHANNELS})

    def _pages_of(self, plane: int) -> list[int]:
        """Give the pages of a plane, one or one per channel."""
        of_page = len(self.series.keyframe.shape)
        outer = self.axes[:-of_page]
        pages = np.arange(self._n_pages).reshape(self.series.shape[:-of_page])
        pages = np.moveaxis(pages, outer.index("C"), -1) if "C" in outer else pages[..., None]
        wanted: list[int] = pages.reshape(self.header.planes, -1)[plane].tolist()
        return wanted

    def segments(self, plane: int) -> Windows | None:
        """Give what reads boxes of a plane, (C, h, w), as they are saved; None where that reads all of it each time."""
        if not self._is_by_page:
            return None
        keyframe, file, wanted = self.series.keyframe, self.tif.filehandle, self._pages_of(plane)
        axes = "C" + self.axes[-len(keyframe.shape) :]
        if self._lies_in_one_piece:
            starts = [self.series.dataoffset + page * keyframe.nbytes for page in wanted]
        else:
            self._require_whole(wanted)
            pages = [self.series.pages[page] for page in wanted]
            in_a_row = (
                keyframe.is_contiguous
                and keyframe.fillorder == 1  # else the bits of each byte stand the other way round
                and all(len(page.dataoffsets) == 1 for page in pages)
            )
            starts = [page.dataoffsets[0] for page in pages] if in_a_row else []
        if starts:
            stored = keyframe.dtype.newbyteorder(self.tif.byteorder)
            readers: list[Windows] = [raw_windows(file, start, keyframe, stored) for start in starts]
        elif largest_segment(keyframe) > MAX_SEGMENT_PX:
            return None
        else:
            readers = [coded_windows(page) for page in pages]

        def read(box: Box) -> np.ndarray:
            pixels = np.stack([reader(box) for reader in readers])
            size = (box[0].stop - box[0].start, box[1].stop - box[1].start)
            return _ordered(pixels, axes, replace(self.header, size=size), 0)

        return read

    def _piece(self, page: int) -> np.ndarray:
        keyframe, file = self.series.keyframe, self.tif.filehandle
        stored = keyframe.dtype.newbyteorder(self.tif.byteorder)
        file.seek(self.series.dataoffset + page * keyframe.nbytes)
        return np.frombuffer(file.read(keyframe.nbytes), stored).reshape(keyframe.shape).astype(keyframe.dtype)

    def _require_whole(self, pages: Sequence[int]) -> None:
        for page in pages:
            require_whole(self.series.pages[page])


def _no_moments(path: Path, axis: str, size: int) -> ImageError:
    """Refuse planes that are something else than moments of time."""
    what = _NO_MOMENTS.get(axis, f"planes along {axis}")
    return ImageError(
        f"{path} is a stack of {size} {what}, not of moments in time: save the one that is meant; if they are "
        "moments, save them as such (ImageJ: Image > Properties, frames instead of slices)"
    )


def _channel_names(tif: tifffile.TiffFile, n_channels: int) -> tuple[str, ...]:
    """Give the names of channels, where OME names each."""
    words = re.findall(r"<(?:\w+:)?Channel\b[^>]*>", tif.ome_metadata or "") if tif.is_ome else []
    names = [name[1] for word in words if (name := re.search(r'\bName="([^"]+)"', word))]
    return tuple(map(html.unescape, names)) if len(names) == len(words) == n_channels else ()


def _looks_stacked(series: tifffile.TiffPageSeries) -> bool:
    colour = series.keyframe.photometric == tifffile.PHOTOMETRIC.RGB
    return colour and series.axes == "SYX" and series.dtype == np.uint8


def _completed_elsewhere(tif: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> str | None:
    """Say of what an OME-TIFF has several, when its planes lie in several files: its own may be of any of them."""
    if not tif.is_ome or series.kind == "ome":
        return None
    for letter, several in (("C", "channels"), ("Z", "slices")):
        size = re.search(rf'\bSize{letter}="(\d{{1,9}})"', tif.ome_metadata or "")
        if size is not None and int(size[1]) > 1:
            return several
    return None


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
        size = _inverse(across, down, _UM_PER_UNIT.get(str((tif.imagej_metadata or {}).get("unit", "")).lower()))
    else:
        size = None
    size = size or _inverse(across, down, _UM_PER_RESOLUTION_UNIT.get(int(page.resolutionunit or 0)))
    return size if size and all(isfinite(um) and 0 < um <= COARSEST_UM for um in size) else None


def _inverse(across: float, down: float, um_per_unit: float | None) -> tuple[float, float] | None:
    """Turn pixels a unit into um a pixel, down before across."""
    return (um_per_unit / down, um_per_unit / across) if um_per_unit and across > 0 and down > 0 else None


def _ome_um(xml: str) -> tuple[float, float] | None:
    """Find the physical size; by a search, as a parser of XML from outside would do more than asked."""
    pixels = re.search(r"<(?:\w+:)?Pixels\b[^>]*>", xml)
    sizes_um: list[float] = []
    for axis in "YX":
        size = re.search(rf'\bPhysicalSize{axis}="([\d.eE+-]+)"', pixels[0]) if pixels else None
        unit = re.search(rf'\bPhysicalSize{axis}Unit="([^"]*)"', pixels[0]) if pixels else None
        um_per_unit = _UM_PER_UNIT.get(unit[1] if unit else "um")  # um where OME says nothing
        if size is None or um_per_unit is None:
            return None
        try:
            sizes_um.append(float(size[1]) * um_per_unit)
        except ValueError:
            return None
    return sizes_um[0], sizes_um[1]
