"""What predicting will take, told before it begins: memory by the largest image, time by the first one."""

from collections.abc import Mapping, Sequence
from math import prod

from cellprune.images.header import MAX_PIXELS_IN_WINDOWS
from cellprune.images.network_input import network_size
from cellprune.images.read import is_of_one_plane
from cellprune.lab import tiles
from cellprune.lab.engine import Engine
from cellprune.lab.inputs import Image
from cellprune.lab.large.predict import is_large, tile_bytes
from cellprune.lab.scale import Scale

# bytes, measured: of the libraries; of a native pixel while the network works, and while its cells are told apart
_LIBRARIES, _NETWORK_WORKS, _CELLS_APART = 250e6, 20, 45
_PARTS = 700e6  # beside the network, of a large image of which parts alone are in memory


def memory_bytes(engine: Engine, images: Sequence[Image], zooms: Mapping[str, Scale]) -> float:
    """Estimate the memory that predicting takes at most, which is that of one image at a time.

    Args:
        engine: the network.
        images: at least one.
        zooms: (y, x) network pixels for a native one by the image's name.
    """
    kinds = {(image.header.size, image.header.channels, image.header.dtype.itemsize, zooms.get(image.name),
              image.header.in_windows and is_of_one_plane(image.pick)) for image in images}  # fmt: skip
    return _LIBRARIES + max(_of_one(engine, *kind) for kind in kinds)


def _of_one(
    engine: Engine, size: tuple[int, int], channels: int, dtype_bytes: int, zoom: Scale | None, in_windows: bool
) -> float:
    """Estimate what one image takes: first while the network works, then while its cells are told apart."""
    zoom = zoom or engine.card.zoom
    n_pixels, n_network = prod(size), prod(network_size(size, zoom, most_pixels=MAX_PIXELS_IN_WINDOWS))
    if is_large(size):
        at_work = min(engine.bytes_per_pixel * n_network, tile_bytes(engine))
        return at_work + _PARTS + (0 if in_windows else n_pixels * channels * dtype_bytes)
    at_work = min(engine.bytes_per_pixel * n_network, tiles.MEMORY_BYTES)
    read = n_pixels * channels * (dtype_bytes + 4)  # as saved, and as float32
    maps = 4 * n_network * engine.card.n_maps
    return read + maps + max(at_work + _NETWORK_WORKS * n_pixels, _CELLS_APART * n_pixels)
