"""The images that predicting reads, of more formats than data sets are made of; told by how a file begins.

What data sets take, TIFF and PNG, is read by `images.read`; every other format is a row here, and one file.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import import_module
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellprune.images import order, read
from cellprune.images.blocks import Windows
from cellprune.images.header import MAX_PIXELS_IN_WINDOWS, Header, ImageError, Pick, chosen
from cellprune.images.source import Member, Source
from cellprune.targets.kinds import Box
from cellprune.wording import reason

_LONGEST_START = 16  # bytes
_ZARR_FILES = (".zgroup", ".zattrs", ".zarray", "zarr.json")


@dataclass(frozen=True)
class Format:
    """A format that has a file of its own.

    Attributes:
        what: it is called, with its article.
        module: of `members` and `opened`, loaded when such a file is met.
        start: how its files begin; empty for a folder.
        extra: that brings what reads it; "" where the core does.
        export: what a user does without the extra.
    """

    what: str
    module: str
    start: bytes = b""
    extra: str = ""
    export: str = ""

    @property
    def members(self) -> Callable[[Path], list[Member]]:
        """What lists the images of a file."""
        members: Callable[[Path], list[Member]] = import_module(self.module).members
        return members

    @property
    def opened(self) -> Callable[[Path, int | None], AbstractContextManager[Source]]:
        """What opens one of them."""
        opened: Callable[[Path, int | None], AbstractContextManager[Source]] = import_module(self.module).opened
        return opened


_EXPORT = "export it as OME-TIFF from {} or Fiji"
_JPEG = Format("a JPEG", "cellprune.images.jpeg", b"\xff\xd8\xff")
_ZARR = Format("an OME-Zarr", "cellprune.images.omezarr.image", extra="lab", export="export it as OME-TIFF")
_MICROSCOPES = "cellprune.images.microscopes"
_FORMATS = (
    _JPEG,
    Format("a CZI file of Zeiss", f"{_MICROSCOPES}.czi", b"ZISRAWFILE", "microscopes", _EXPORT.format("ZEN")),
    Format(
        "an ND2 file of Nikon",
        f"{_MICROSCOPES}.nd2_file",
        b"\xda\xce\xbe\x0a",
        "microscopes",
        _EXPORT.format("NIS-Elements"),
    ),
    Format("a LIF file of Leica", f"{_MICROSCOPES}.lif", b"\x70\0\0\0", "microscopes", _EXPORT.format("LAS X")),
)


def members(path: Path) -> list[Member]:
    """Give the images that a file holds: one, or the wells, positions or series of it.

    Raises:
        ImageError: it is damaged, or the package that reads it is missing.
    """
    format_ = _format(path)
    if format_ is None:
        return [Member(path)]
    with _told(path, format_):
        return format_.members(path)


def read_header(member: Member, *, axes: str | None = None) -> Header:
    """Read what one image says of itself.

    Args:
        axes: in the order of the file, as `order.checked` gives them; None for what the file says.
    Raises:
        ImageError: see `images.read`; also axes that contradict the file.
    """
    if member.fault:
        raise ImageError(member.fault)
    format_ = _format(member.path)
    if format_ is None:
        return read.read_header(member.path, slices=True, axes=axes, windows=True)
    with _told(member.path, format_), format_.opened(member.path, member.number) as source:
        sizes = dict(source.header.outer) | dict(zip("YXC", (*source.header.size, source.header.channels), strict=True))
        order.fitting(axes, source.axes, [sizes.get(axis, 1) for axis in source.axes], member.path)
        return replace(source.header, notes=(*source.header.notes, *source.doubts()))


def read_grey_levels(
    member: Member, plane: int | None = None, *, channels: int | None = None, pick: Pick | None = None
) -> NDArray:
    """Read an image as it is saved: (C, H, W) of the file's own type; see `images.read.read_grey_levels`."""
    format_ = _format(member.path)
    if format_ is None:
        return read.read_grey_levels(member.path, plane, channels=channels, pick=pick)
    with _told(member.path, format_), format_.opened(member.path, member.number) as source:
        first = chosen(source.header, plane if pick is None else pick.planes[0], member.path)
        pick = pick or Pick((first,))
        pixels = source.read(pick.planes[0], pick.channel)
        for other in pick.planes[1:]:
            pixels = np.maximum(pixels, source.read(other, pick.channel))
    return read.usable(pixels, member.path, channels=channels)


@contextmanager
def opened_windows(member: Member, plane: int | None, *, pick: Pick | None) -> Iterator[Windows]:
    """Open an image to be read a box at a time; of formats without windows all of it is in memory meanwhile.

    Args:
        plane, pick: see `read_grey_levels`.
    """
    path, format_ = member.path, _format(member.path)
    if format_ is None:
        with read.opened_windows(path, plane, pick=pick) as windows:
            yield windows
        return
    with ExitStack() as stack:
        with _told(path, format_):
            source = stack.enter_context(format_.opened(path, member.number))
        if source.windows is None or not read.is_of_one_plane(pick):
            pixels = read_grey_levels(member, plane, pick=pick)
            yield lambda box: pixels[:, *box]
            return
        pick = pick or Pick((chosen(source.header, plane, path, most_pixels=MAX_PIXELS_IN_WINDOWS),))
        windows = source.windows(pick.planes[0], pick.channel)

        def told(box: Box) -> NDArray:
            with _told(path, format_):
                return windows(box)

        yield told


def has_equal_channels(member: Member, plane: int | None) -> bool:
    """Tell whether an image saves one and the same as each of several channels."""
    format_ = _format(member.path)
    if format_ is None:
        return read.equal_channels(member.path, plane)
    with _told(member.path, format_), format_.opened(member.path, member.number) as source:
        return read.are_equal(source.read(plane or 0, None))


def is_zarr(path: Path) -> bool:
    """Tell a folder that is a Zarr, or has the name of one."""
    return path.is_dir() and (path.suffix.lower() == ".zarr" or any((path / name).exists() for name in _ZARR_FILES))


def sha256_of(path: Path) -> str:
    """Give the sha256 of an image's file; of an OME-Zarr of all files that its largest level has, and their names."""
    if not path.is_dir():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    from cellprune.images.omezarr.image import files

    whole = hashlib.sha256()
    for name in files(path):
        whole.update(os.fsencode(name) + b"\0" + bytes.fromhex(sha256_of(path / name)))
    return whole.hexdigest()


@lru_cache(4096)
def _format_of(path: Path, _mtime_ns: int) -> Format | None:
    if path.is_dir():
        return _ZARR if is_zarr(path) else None
    if not path.is_file():
        return None  # told of by `images.read`, and never waited for
    try:
        with path.open("rb") as file:
            start = file.read(_LONGEST_START)
    except OSError:
        return None
    return next((one for one in _FORMATS if start.startswith(one.start)), None)


def _format(path: Path) -> Format | None:
    """Give the format of a file; None for what `images.read` reads, or refuses."""
    try:
        return _format_of(path, path.stat().st_mtime_ns)
    except OSError:
        return None


@contextmanager
def _told(path: Path, format_: Format) -> Iterator[None]:
    """Make one clear line of what a library throws at a damaged file, or of the library that is missing."""
    try:
        yield
    except ImageError:
        raise
    except ImportError as error:
        raise ImageError(
            f"{path} is {format_.what}, and the package {error.name} that reads it is missing: pip install "
            f"'cellprune[{format_.extra}]', or {format_.export}"
        ) from error
    except PermissionError as error:
        raise ImageError(f"{path} may not be read by this user: change its permissions") from error
    except MemoryError as error:
        raise ImageError(f"{path} needs more memory than there is: cut it into parts") from error
    except Exception as error:  # decoders raise what they like
        what = format_.what.split(" ", 1)[1]
        raise ImageError(f"{path} is not a whole {what} ({reason(error)}): copy it again") from error
