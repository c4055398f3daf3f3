"""A whole image through the network, in one piece or in overlapping tiles that give the same.

A tile and the whole agree where three things do: the tile begins on the grid of the network's poolings, so that it
halves the same pixels; around what is kept of it stands everything that these pixels look at; and at the image's edge
it ends where the whole ends, so the whole is first mirrored to a size that fits, exactly as the network would do.

Source: Ronneberger, Fischer, Brox, MICCAI 2015 (arXiv:1505.04597), section 2, for the overlap-tile strategy.
"""

from collections.abc import Callable, Iterator
from math import lcm

import numpy as np

from cellprune.lab.engine import Engine, Floats
from cellprune.runs.modelcard import ReceptiveField
from cellprune.targets.kinds import Box, Extent

# Not what happens to be free: the tiles, and with them an unbounded network's result, are the same on every machine.
MEMORY_BYTES = 2 * 2**30
_UNBOUNDED = ReceptiveField(radius_px=128, stride_px=64)  # a generous halo where no halo is wide enough
_LARGE = 2**10  # cells of the grid: a size that no network mirrors only because it is small

Step = Callable[[int, int], None]  # tiles done, and all of them
Part = Callable[[Box], Floats]  # a box of an image -> (C, h, w)


def fits(engine: Engine, size: tuple[int, int], memory_bytes: float = MEMORY_BYTES) -> bool:
    """Tell whether a network image of this (height, width) goes through in one piece."""
    return _area(engine, *size) * engine.bytes_per_pixel <= memory_bytes


def probabilities(
    engine: Engine, image: Floats, *, memory_bytes: float = MEMORY_BYTES, step: Step | None = None
) -> Floats:
    """Run the network over a whole image.

    Args:
        engine: the network.
        image: (C, h, w) float32, normalized over the whole image.
        memory_bytes: for the network at work, beside the image and its maps. A tile is never smaller than three halos,
            so a network that looks far may take more.
        step: told after each tile.
    Returns:
        (maps, h, w) float32. With a bounded receptive field it does not depend on the tiles (but for the rounding of
        float32); without one it does, near their borders.
    Raises:
        WorkError: the memory does not suffice.
    """
    size = (image.shape[1], image.shape[2])
    if fits(engine, size, memory_bytes):
        return engine(image[None])[0]
    maps = np.empty((engine.card.n_maps, *size), np.float32)
    for box, of_tile in each_tile(engine, size, lambda box: image[:, *box], memory_bytes=memory_bytes, step=step):
        maps[:, *box] = of_tile
    return maps


def each_tile(
    engine: Engine, size: Extent, part: Part, *, memory_bytes: float, step: Step | None = None
) -> Iterator[tuple[Box, Floats]]:
    """Run the network over an image of which parts alone are in memory.

    Args:
        engine: the network.
        size: (height, width) of the image.
        part: gives a box of it, (C, h, w) float32, normalized over the whole image.
        memory_bytes, step: see `probabilities`.
    Returns:
        Boxes that cover the image, row by row, and the maps of each, (maps, h, w) float32.
    Raises:
        WorkError: the memory does not suffice.
    """
    field = _field(engine)
    paddings = [_padding(engine, have, field.stride_px) for have in size]
    whole = [have + sum(padding) for have, padding in zip(size, paddings, strict=True)]
    lengths = _tile(engine, field, (whole[0], whole[1]), memory_bytes)
    cuts = [
        list(_cuts(of_frame, length, field, begin, begin + wanted))
        for of_frame, length, (begin, _), wanted in zip(whole, lengths, paddings, size, strict=True)
    ]
    for done, (rows, columns) in enumerate(((r, c) for r in cuts[0] for c in cuts[1]), start=1):
        frame = _mirrored(part, size, (rows.tile, columns.tile), (paddings[0][0], paddings[1][0]))
        tile = engine(frame[None])[0]
        yield (rows.place, columns.place), tile[:, rows.kept, columns.kept]
        if step:
            step(done, len(cuts[0]) * len(cuts[1]))


class _Cut:
    """One tile along one axis: where it lies in the frame, what is kept of it, and where that goes in the maps."""

    def __init__(self, tile: tuple[int, int], kept: tuple[int, int], offset: int) -> None:
        self.tile = slice(*tile)
        self.kept = slice(kept[0] - tile[0], kept[1] - tile[0])
        self.place = slice(kept[0] - offset, kept[1] - offset)


def _cuts(whole: int, length: int, field: ReceptiveField, begin: int, end: int) -> Iterator[_Cut]:
    """Cover [begin, end) of an axis with what is kept of tiles of at most `length`, all on the network's grid."""
    if length >= whole:
        yield _Cut((0, whole), (begin, end), begin)
        return
    halo = _halo(field)
    first = begin // field.stride_px * field.stride_px
    n_tiles = -(-(end - first) // (length - 2 * halo))
    core = _up((end - first) / n_tiles, field.stride_px)  # of even size: the last is no sliver
    for start in range(first, end, core):
        tile = (max(0, start - halo), min(whole, start + core + halo))
        yield _Cut(tile, (max(begin, start), min(end, start + core)), begin)


def _field(engine: Engine) -> ReceptiveField:
    """Give how far the network looks, on a grid of which every tile is a size that it takes.

    That is the grid of its poolings, but for a network without its deepest levels: it still mirrors an image to sizes
    that these would halve, and a tile that it mirrored would begin between the places of its poolings.
    """
    field, least = engine.receptive_field or _UNBOUNDED, engine.input_size(1)
    larger = (size for n in range(2, _LARGE) if (size := engine.input_size(n)) > least)
    return field.model_copy(update={"stride_px": lcm(field.stride_px, next(larger, least) - least or 1)})


def _padding(engine: Engine, have: int, stride: int) -> tuple[int, int]:
    """Give by how much the network would mirror one axis of an image, before it and after it.

    A network without padding mirrors each tile, too, by a margin: its grid begins there. Some more pixels before the
    frame bring the frame's grid to the same place; nobody looks at them.
    """
    want = engine.input_size(have)
    before = (want - have) // 2
    large = _LARGE * stride
    margin = (engine.input_size(large) - large) // 2
    lead = -margin % stride
    return lead + before, want - have - before + -(lead + want) % stride


def _mirrored(part: Part, size: Extent, tile: Box, begins: tuple[int, int]) -> Floats:
    """Give a tile of the image that is mirrored to a frame, in which it begins at some place."""
    places, taken = [], []
    for span, begin, have in zip(tile, begins, size, strict=True):
        away = np.abs(np.arange(span.start, span.stop) - begin) % max(1, 2 * (have - 1))
        inside = np.minimum(away, 2 * (have - 1) - away)
        places.append(inside - inside.min())
        taken.append(slice(int(inside.min()), int(inside.max()) + 1))
    pixels = part((taken[0], taken[1]))
    if all(np.array_equal(along, np.arange(len(along))) for along in places):
        return np.ascontiguousarray(pixels)  # nothing is mirrored
    return pixels[:, places[0][:, None], places[1]]


def _tile(engine: Engine, field: ReceptiveField, whole: tuple[int, int], memory_bytes: float) -> tuple[int, int]:
    """Choose the (height, width) of a tile: near a square, as large as the memory allows."""
    halo, stride = _halo(field), field.stride_px
    smallest = 2 * halo + max(halo, stride)
    side = smallest
    while _area(engine, side + stride, side + stride) * engine.bytes_per_pixel <= memory_bytes:
        side += stride
    height, width = min(side, whole[0]), min(side, whole[1])
    while width < whole[1] and _area(engine, height, width + stride) * engine.bytes_per_pixel <= memory_bytes:
        width += stride
    while height < whole[0] and _area(engine, height + stride, width) * engine.bytes_per_pixel <= memory_bytes:
        height += stride
    return height, width


def _area(engine: Engine, height: int, width: int) -> int:
    return engine.input_size(height) * engine.input_size(width)


def _halo(field: ReceptiveField) -> int:
    return _up(field.radius_px, field.stride_px)


def _up(value: float, stride: int) -> int:
    return int(-(-value // stride)) * stride
