"""LIF of Leica, by the package liffile: each image of the file is one, and so is each position of a mosaic."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cellprune.images.microscopes.layout import source
from cellprune.images.source import Member, Source, numbered

if TYPE_CHECKING:
    from liffile import LifFile
    from liffile.liffile import LifImageABC

_TILES = "M"
_DIMENSIONS = "./Data/Image/ImageDescription/Dimensions/DimensionDescription"
_OF_AXIS = {"Y": "2", "X": "1"}  # Leica's numbers of dimensions
_UM_PER_UNIT = {"m": 1e6, "mm": 1e3, "um": 1.0, "\u00b5m": 1.0, "nm": 1e-3}


def members(path: Path) -> list[Member]:
    """Give the images of a file."""
    from liffile import LifFile

    with LifFile(path) as file:
        return numbered(path, len(_places(file)))


@contextmanager
def opened(path: Path, number: int | None) -> Iterator[Source]:
    """Open one image.

    Raises:
        ImageError: see `layout.source`.
        ImportError: liffile is not there.
    """
    from liffile import LifFile

    with LifFile(path) as file:
        image, tile = _places(file)[number or 0]
        sizes = {axis: size for axis, size in image.sizes.items() if axis != _TILES}
        place = {} if tile is None else {_TILES: tile}

        def read(at: Mapping[str, int], channel: int | None) -> NDArray:
            if "C" in sizes:
                wanted = range(sizes["C"]) if channel is None else [channel]
                return np.stack([image.frame(**place, **at, C=c) for c in wanted])
            frame = image.frame(**place, **at)
            pixels = np.moveaxis(frame, -1, 0) if "S" in sizes else frame[None]
            return pixels if channel is None else pixels[channel : channel + 1]

        um = _um(image, "Y"), _um(image, "X")
        yield source(path, sizes, image.dtype, um=um, channel_names=(), read=read)


def _places(file: "LifFile") -> "list[tuple[LifImageABC, int | None]]":
    """Give each image, and each of the tiles of a mosaic."""
    places: list[tuple[LifImageABC, int | None]] = []
    for image in file.images:
        tiles = image.sizes.get(_TILES, 1)
        places += [(image, tile if tiles > 1 else None) for tile in range(tiles)]
    return places


def _um(image: "LifImageABC", axis: str) -> float | None:
    """Give the size of a pixel along an axis; its length is from the first pixel's middle to the last one's."""
    for one in image.xml_element.iterfind(_DIMENSIONS):
        if one.get("DimID") == _OF_AXIS[axis]:
            n_steps = int(one.get("NumberOfElements", 1)) - 1
            per_unit = _UM_PER_UNIT.get(one.get("Unit", ""))
            return None if per_unit is None or n_steps < 1 else abs(float(one.get("Length", 0))) * per_unit / n_steps
    return None
