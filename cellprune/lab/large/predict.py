"""A large image through a network: its maps lie on the disk, and become cells piece by piece."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellprune.config.names import resolve
from cellprune.images.header import LARGE_PX, MAX_PIXELS_IN_WINDOWS
from cellprune.images.network_input import network_size
from cellprune.images.network_windows import GreyLevels, network_windows
from cellprune.lab import tiles
from cellprune.lab.engine import Engine
from cellprune.lab.large.decode import Wide, decoded
from cellprune.lab.large.labelled import Labelled
from cellprune.lab.large.scratch import Scratch
from cellprune.lab.scale import Scale
from cellprune.targets.decoders import Decoder
from cellprune.targets.kinds import Box, Extent
from cellprune.targets.target import Target

MEMORY_BYTES = 2**28
"""For a network at work on a large image, where its tiles change nothing; see `lab.tiles.probabilities`."""


def is_large(size: Extent) -> bool:
    """Tell whether an image of this (height, width) is computed part by part."""
    return prod(size) > LARGE_PX


def tile_bytes(engine: Engine) -> int:
    """Give the memory for a network at work: where its result depends on the tiles, that of any image."""
    return tiles.MEMORY_BYTES if engine.receptive_field is None else MEMORY_BYTES


@contextmanager
def predicted(
    engine: Engine,
    levels: GreyLevels,
    zoom: Scale,
    decoder: Decoder,
    folder: Path,
    *,
    step: tiles.Step | None = None,
    wide: Wide = lambda window: None,
) -> Iterator[Labelled]:
    """Give the labels of a large image, for as long as the block; a blank one has no cells.

    Args:
        engine: the network.
        levels: the image.
        zoom: (y, x) network pixels for a native one.
        decoder: how maps become cells, in the image's own pixels.
        folder: for two scratch files: of 4 bytes for each of the network's pixels and maps, and for each native pixel.
        step: told after each tile.
        wide: see `decode.decoded`.
    Raises:
        ImageError: the file is damaged.
        OSError: the disk is full.
    """
    card = engine.card
    if levels.is_blank:
        yield Labelled(_background, levels.size, [card.classes[0]])
        return
    size = network_size(levels.size, zoom, most_pixels=MAX_PIXELS_IN_WINDOWS)
    target: Target = resolve("target", card.target)
    with ExitStack() as files:
        numbers = files.enter_context(Scratch(folder / "numbers", (1, *levels.size), np.uint32))
        with Scratch(folder / "maps", (card.n_maps, *size), np.float32) as maps:
            part = network_windows(levels, size, card.normalization)
            for box, of_tile in tiles.each_tile(engine, size, part, memory_bytes=tile_bytes(engine), step=step):
                maps.write(box, of_tile)
            cells = decoded(target, maps, levels.size, decoder, numbers, wide=wide)
        class_of = [card.classes[number] for number in cells.class_of]
        yield Labelled(cells.labels, levels.size, class_of)


def _background(box: Box) -> NDArray[np.uint16]:
    return np.zeros([side.stop - side.start for side in box], np.uint16)
