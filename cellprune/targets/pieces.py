"""A large image is decoded piece by piece: what is connected decides nothing about what is not.

A piece is what is connected of a foreground, at corners, too. However many pieces are decoded together, each becomes
the same cells as in the whole image. The one number that all pieces decide together is found before, see `ByPiece`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellprune.targets.decoders import Decoder
from cellprune.targets.kinds import Classes, Maps
from cellprune.targets.native import Window


@dataclass(frozen=True)
class Ground:
    """What a decoder needs of a part of an image, at native size.

    Attributes:
        classes: (h, w) uint8, 0 is background; of one value what is connected is a piece.
        heights: (n, h, w) float32, from which cells grow; of a decoder that needs none, n is 0.
    """

    classes: Classes
    heights: Maps

    def of(self, inside: NDArray[np.bool_]) -> "Ground":
        """Give the same without the foreground of other pieces."""
        return Ground(np.where(inside, self.classes, 0).astype(np.uint8), self.heights)


@dataclass(frozen=True)
class ByPiece:
    """How a kind of target decodes pieces.

    Attributes:
        ground: (what a window takes of the maps, the window, decoder) -> its ground; within `halo_px` of the window's
            edges that are no edges of the image it means nothing.
        cells: (ground of whole pieces, decoder, mean area of a seed in the whole image) -> (h, w) int32, 0 outside, any
            numbers. What is connected needs none of it: each piece is a cell.
        halo_px: see `ground`.
        seed_areas: (ground of whole pieces, decoder) -> the area of each of their seeds; None where their mean decides
            nothing.
    """

    ground: Callable[[Maps, Window, Decoder], Ground]
    cells: Callable[[Ground, Decoder, float], NDArray[np.int32]]
    halo_px: Callable[[Decoder], int] = lambda decoder: 0
    seed_areas: Callable[[Ground, Decoder], NDArray[np.intp]] | None = None
