"""CZI of Zeiss, by Zeiss's own library: each scene is an image, the tiles of a mosaic are one."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from cellprune.images.header import ImageError
from cellprune.images.microscopes.layout import source
from cellprune.images.source import Member, Source, numbered

if TYPE_CHECKING:
    from _pylibCZIrw import SubBlockInfo
    from pylibCZIrw.czi import CziReader

_DTYPES = {"Gray8": np.uint8, "Gray16": np.uint16, "Gray32Float": np.float32, "Bgr24": np.uint8, "Bgr48": np.uint16}


def members(path: Path) -> list[Member]:
    """Give the scenes of a file."""
    with _reader(path) as reader:
        return numbered(path, max(1, len(reader.scenes_bounding_rectangle)))


@contextmanager
def opened(path: Path, number: int | None) -> Iterator[Source]:
    """Open one scene.

    Raises:
        ImageError: see `layout.source`; also numbers of another kind, or of several.
        ImportError: pylibCZIrw is not there.
    """
    with _reader(path) as reader:
        scenes = sorted(reader.scenes_bounding_rectangle)
        scene = scenes[number or 0] if scenes else None
        box = reader.total_bounding_rectangle if scene is None else reader.scenes_bounding_rectangle[scene]
        kinds, numbers = _planes(reader, scene)
        if len(kinds) != 1 or not kinds <= set(_DTYPES):
            raise ImageError(f"{path} holds pixels of {', '.join(sorted(kinds)) or 'no kind'}: export it as OME-TIFF")
        (kind,) = kinds
        sizes = {axis: len(of_axis) for axis, of_axis in numbers.items()}
        sizes |= {"Y": box.h, "X": box.w, "S": 3 if kind.startswith("Bgr") else 1}

        def read(at: Mapping[str, int], channel: int | None) -> NDArray:
            plane = {axis: of_axis[at.get(axis, 0)] for axis, of_axis in numbers.items()}
            if sizes["S"] == 3:  # blue comes first
                pixels = np.moveaxis(reader.read(plane=plane, scene=scene, pixel_type=kind)[..., ::-1], -1, 0)
                return pixels if channel is None else pixels[channel : channel + 1]
            channels = numbers.get("C", range(1))
            return np.stack([
                reader.read(plane=plane | {"C": c}, scene=scene, pixel_type=kind)[..., 0]
                for c in (channels if channel is None else [channels[channel]])
            ])  # fmt: skip

        um, names = _words(reader.raw_metadata)
        yield source(path, sizes, _DTYPES[kind], um=um, channel_names=names, read=read)


def _planes(reader: "CziReader", scene: int | None) -> tuple[set[str], dict[str, range]]:
    """Give the kinds of numbers in an image, and by axis the numbers of its planes.

    A part of a recording keeps the numbers that its slices, moments and channels had in the whole.
    """
    kinds: set[str] = set()
    ends: dict[str, tuple[int, int]] = {}

    def note(_: int, block: "SubBlockInfo") -> bool:
        at = block.coordinate.to_dict()
        if scene is None or at.get("S", scene) == scene:
            kinds.add(block.pixelType.name)
            for axis, number in at.items():
                first, last = ends.get(axis, (number, number))
                ends[axis] = min(first, number), max(last, number)
        return True

    reader.enumerate_subblocks(note)
    in_order = sorted(ends, key=lambda axis: ("TZC".find(axis), axis))
    return kinds, {axis: range(ends[axis][0], ends[axis][1] + 1) for axis in in_order if axis != "S"}


@contextmanager
def _reader(path: Path) -> "Iterator[CziReader]":
    from pylibCZIrw import czi

    with czi.open_czi(str(path)) as reader:
        yield reader


def _words(xml: str) -> tuple[tuple[float | None, float | None], list[str]]:
    """Give the size of a pixel (y, x) in um, which the file has in metres, and the names of channels."""
    root = ElementTree.fromstring(xml)
    metres = {one.get("Id"): one.findtext("Value") for one in root.iterfind(".//Scaling/Items/Distance")}
    down, across = (float(said) * 1e6 or None if (said := metres.get(axis)) else None for axis in "YX")
    channels = root.iterfind(".//Information/Image/Dimensions/Channels/Channel")
    return (down, across), [name for one in channels if (name := one.get("Name"))]
