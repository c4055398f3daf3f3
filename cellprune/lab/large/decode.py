"""The maps of a large image become its cells, piece by piece: the same cells as of the whole image at once.

Pieces are found first, over all bands. What lies together is decoded together, in a window around it, and a piece that
is longer than a block alone. So the memory is that of a block, or of the largest piece where that is larger.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from cellprune.images.boxes import around
from cellprune.lab.large.pieces import Numbers, Pieces, pieces_of
from cellprune.lab.large.scratch import Scratch
from cellprune.targets.decoders import Components, Decoder
from cellprune.targets.kinds import Box, Classes, Extent
from cellprune.targets.native import window_of
from cellprune.targets.pieces import Ground
from cellprune.targets.target import Target

_DECODED = np.uint32(2**31)  # of a pixel in the scratch file: it has the number of a cell, no longer that of a part
WIDE_PX = 2**24
"""Pixels of a window that takes about as much memory as all else; a piece that needs a larger one is told of."""

Wide = Callable[[Box], None]  # the window of a piece that takes more memory than all else


@dataclass(frozen=True)
class Cells:
    """The cells of a large image.

    Attributes:
        numbers: in a file, and by `_number_of` they become labels.
        class_of: (cells + 1,) uint8, as of `targets.kinds.Instances`.
    """

    numbers: Scratch
    class_of: Classes
    _number_of: NDArray[np.uint32]
    _of_parts: bool

    @property
    def size(self) -> Extent:
        """Height and width."""
        return self.numbers.shape[1], self.numbers.shape[2]

    @property
    def n_cells(self) -> int:
        """How many."""
        return len(self.class_of) - 1

    def labels(self, box: Box) -> NDArray[np.uint32]:
        """Give the labels of a box: 0 is background, 1.. the cells by class and in the order of reading."""
        stored = self.numbers.read(box)[0]
        if self._of_parts:
            return self._number_of[stored]
        return self._number_of[np.where(stored >= _DECODED, stored - _DECODED, 0)]


def decoded(
    target: Target,
    maps: Scratch,
    size: Extent,
    decoder: Decoder,
    numbers: Scratch,
    *,
    wide: Wide = lambda window: None,
) -> Cells:
    """Give the cells of maps, the same as `target.decode` gives, whatever lies across a seam.

    Args:
        target: what the maps mean.
        maps: of the network's size.
        size: (height, width) to reach.
        decoder: how maps become cells.
        numbers: (1, height, width) uint32, to work in.
        wide: told of each window that is larger than `WIDE_PX`, before it is decoded.
    """

    def ground(box: Box) -> Ground:
        reach, inner = around(box, target.by_piece.halo_px(decoder), size)
        window = window_of(reach, (maps.shape[1], maps.shape[2]), size)
        found = target.by_piece.ground(maps.read(window.taken), window, decoder)
        return Ground(found.classes[inner], found.heights[:, *inner])

    pieces = pieces_of(lambda box: ground(box).classes, size, numbers)
    if isinstance(decoder, Components):
        number_of, class_of = _numbered(pieces.area, pieces.first, pieces.value, decoder.min_area_px)
        return Cells(numbers, class_of, number_of[pieces.of_part], _of_parts=True)
    area, first = _cut(target, ground, pieces, size, decoder, numbers, wide)
    number_of, class_of = _numbered(area, first, np.ones(len(area), np.uint8), decoder.min_area_px)
    return Cells(numbers, class_of, number_of, _of_parts=False)


def _cut(
    target: Target,
    ground: Callable[[Box], Ground],
    pieces: Pieces,
    size: Extent,
    decoder: Decoder,
    numbers: Scratch,
    wide: Wide,
) -> tuple[Numbers, Numbers]:
    """Put the number of a cell in the place of each part's, and give each cell's area and first pixel."""
    members = np.zeros(len(pieces.area), bool)

    def windows(min_area_px: float) -> Iterator[tuple[Box, NDArray[np.bool_], Ground]]:
        for group in pieces.shared_out(min_area_px=min_area_px):
            box = pieces.box(group, size)
            if prod(side.stop - side.start for side in box) > WIDE_PX:
                wide(box)
            members[group] = True
            stored = numbers.read(box)[0]
            own = members[pieces.of_part[np.where(stored >= _DECODED, 0, stored)]]
            members[group] = False
            yield box, own, ground(box).of(own)

    seed_px = 0.0
    if (areas_of := target.by_piece.seed_areas) is not None:
        total = n_seeds = 0
        for _, _, here in windows(0):
            areas = areas_of(here, decoder)
            total, n_seeds = total + int(areas.sum()), n_seeds + len(areas)
        seed_px = total / max(1, n_seeds)
    area, first, n_cells = [np.zeros(1, np.int64)], [np.zeros(1, np.int64)], 0
    for box, own, here in windows(decoder.min_area_px):
        parts = target.by_piece.cells(here, decoder, seed_px)
        found, of = np.unique(parts[own], return_inverse=True)
        if found[:1] != 0:  # else some pixels are of no cell: no seed came there
            of += 1
        y, x = np.nonzero(own)
        places = (y + box[0].start) * size[1] + x + box[1].start
        firsts = np.zeros(int(of.max()) + 1, np.int64)
        firsts[of[::-1]] = places[::-1]  # of equal places the last one written stays: the first pixel
        area.append(np.bincount(of)[1:])
        first.append(firsts[1:])
        stored = numbers.read(box)
        stored[0][own] = np.where(of, of + n_cells, 0) + _DECODED
        numbers.write(box, stored)
        n_cells += len(firsts) - 1
    return np.concatenate(area), np.concatenate(first)


def _numbered(area: Numbers, first: Numbers, value: Classes, min_area_px: float) -> tuple[NDArray[np.uint32], Classes]:
    """Number those that are large enough as `targets.numbering` does: by class, then in the order of reading."""
    kept = np.flatnonzero(area >= max(1, min_area_px))
    kept = kept[np.lexsort((first[kept], value[kept]))]
    number_of = np.zeros(len(area), np.uint32)
    number_of[kept] = np.arange(1, len(kept) + 1)
    return number_of, np.concatenate([np.zeros(1, np.uint8), value[kept]])
