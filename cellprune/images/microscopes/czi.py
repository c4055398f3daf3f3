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
        kinds = set(reader.pixel_types.values())
        if len(kinds) != 1 or not kinds <= set(_DTYPES):
            raise ImageError(f"{path} holds pixels of {', '.join(sorted(kinds)) or 'no kind'}: export it as OME-TIFF")
        (kind,) = kinds
        outer = {axis: end - start for axis, (start, end) in reader.total_bounding_box.items() if axis not in "YX"}
        sizes = {**outer, "Y": box.h, "X": box.w, "S": 3 if kind.startswith("Bgr") else 1}

        def read(at: Mapping[str, int], channel: int | None) -> NDArray:
            if sizes["S"] == 3:  # blue comes first
                pixels = np.moveaxis(reader.read(plane={"C": 0, **at}, scene=scene)[..., ::-1], -1, 0)
                return pixels if channel is None else pixels[channel : channel + 1]
            wanted = range(sizes.get("C", 1)) if channel is None else [channel]
            return np.stack([reader.read(plane={"C": c, **at}, scene=scene)[..., 0] for c in wanted])

        um, names = _words(reader.raw_metadata)
        yield source(path, sizes, _DTYPES[kind], um=um, channel_names=names, read=read)


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
