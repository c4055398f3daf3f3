"""Border: background, the inside of cells, and the border between cells that touch or nearly do.

The border is drawn at native size: after resizing, cells that touch may have lost the pixels that are between them.
Where an unknown region is near, a border might be; such pixels are unknown, too.

Source: Ronneberger et al. 2015 (arXiv:1505.04597) for the background forced between cells; Caicedo et al. 2019
(10.1002/cyto.a.23863) for boundaries as a class of their own.
"""

import numpy as np
from numpy.typing import NDArray

from cellprune.evaluation.iou import IGNORED
from cellprune.targets.connected import pieces_of
from cellprune.targets.decoders import BorderSeeds, Decoder, Watershed
from cellprune.targets.growing import Heights, grow
from cellprune.targets.kinds import UNKNOWN, Classes, Extent, Instances, Labels, Maps
from cellprune.targets.native import Native, Window, brought_back_there, over
from cellprune.targets.necks import cut
from cellprune.targets.neighbours import between
from cellprune.targets.numbering import foreground, of_one_class
from cellprune.targets.pieces import ByPiece, Ground
from cellprune.targets.target import Target

_INNER, _BORDER = 1, 2  # in the order of the maps


def encode(labels: Labels, n_classes: int, pitch: float) -> Classes:
    """Give every pixel its class.

    Args:
        labels: see `targets.kinds.Labels`.
        n_classes: of the data; a border is only between numbered cells, so 2.
        pitch: native pixels for one of the network's: the border is about two of the network's pixels wide.
    Returns:
        (H, W) uint8: 0 background, 1 inside of a cell, 2 border, 255 unknown.
    """
    reach_px = max(1, round(pitch))
    is_border = between(labels, reach_px)
    encoded = np.where(is_border, _BORDER, np.where(labels > 0, _INNER, 0)).astype(np.uint8)
    may_be_border = between(labels, reach_px, unknown_is_cell=True)
    encoded[(labels == UNKNOWN) | (may_be_border & ~is_border)] = IGNORED
    return encoded


def decode(maps: Maps, size: Extent, decoder: Decoder) -> Instances:
    """Give the cells of the probabilities of background, inside and border.

    Args:
        maps: (3, h, w) float32.
        size: (height, width) to reach.
        decoder: `BorderSeeds`.
    Returns:
        Cells of class 1. A piece of the foreground without any inside is a cell of its own, if it is large enough.
    """
    assert isinstance(decoder, BorderSeeds)
    inner, cell = np.split(_inner_and_cell(maps), 2)
    is_cell = over(cell, size, decoder.foreground)
    pieces = _grown(Native(inner, size), over(inner, size, decoder.seed) & is_cell, is_cell, decoder)
    return of_one_class(pieces, decoder.min_area_px)


def _inner_and_cell(maps: Maps) -> Maps:
    return np.stack([maps[_INNER], maps[_INNER] + maps[_BORDER]])


def _grown(
    inner: Heights, is_inside: NDArray[np.bool_], is_cell: NDArray[np.bool_], decoder: BorderSeeds
) -> NDArray[np.int32]:
    """Give each pixel of a foreground the number of the inside that it belongs to."""
    if decoder.depth * decoder.radius_px:  # small seeds go with small cells, in the end
        seeds = cut(is_inside, Watershed(decoder.radius_px, depth=decoder.depth))
    else:
        seeds = pieces_of(is_inside).numbers()
    return grow(seeds, inner, is_cell, seedless=True)


def _ground(maps: Maps, window: Window, decoder: Decoder) -> Ground:
    assert isinstance(decoder, BorderSeeds)
    inner, cell = brought_back_there(_inner_and_cell(maps), window)
    return Ground((cell > decoder.foreground).astype(np.uint8), inner[None])


def _of_pieces(ground: Ground, decoder: Decoder, seed_px: float) -> NDArray[np.int32]:
    assert isinstance(decoder, BorderSeeds)
    inner, is_cell = ground.heights[0], ground.classes > 0
    return _grown(inner, (inner > decoder.seed) & is_cell, is_cell, decoder)


def _classes(maps: Maps, size: Extent, decoder: Decoder) -> Classes:
    return foreground(decode(maps, size, decoder))


TARGET = Target(encode=encode, decode=decode, classes=_classes, by_piece=ByPiece(_ground, _of_pieces))
