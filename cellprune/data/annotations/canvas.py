"""Cells drawn one after the other into a label image, and what such an image cannot hold."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellprune.errors import CellpruneError
from cellprune.images.outlines import Mask, Ring, filled
from cellprune.targets.kinds import Box

Boxed = tuple[Box, Mask]  # a part of the image, and the pixels in it


class AnnotationError(CellpruneError):
    """A file of annotations that cannot be used; the message names it."""


@dataclass(frozen=True)
class Drawn:
    """The cells of one image.

    Attributes:
        labels: (H, W) int32, 0 is background, cells from 1 in their order.
        ignored: (H, W), pixels of which nothing is known; None where there are none.
        n_shared_px: pixels that several cells claim; the last has them.
        n_lost: cells without a pixel of their own.
        n_cut: cells of which a part lies more than a pixel outside the image.
        n_areas: outlines of areas with cells in them or of other things, which are not drawn.
        n_beside: cells that a person drew beside those that a program found.
    """

    labels: NDArray[np.int32]
    ignored: Mask | None = None
    n_shared_px: int = 0
    n_lost: int = 0
    n_cut: int = 0
    n_areas: int = 0
    n_beside: int = 0


class Canvas:
    """An image to draw cells into.

    Args:
        size: (height, width).
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self._labels = np.zeros(size, np.int32)
        self._ignored: Mask | None = None
        self._n = self._n_shared_px = self._n_cut = 0

    def draw(self, rings: Iterable[Ring]) -> None:
        """Draw a cell by its rings, in one or more pieces, with holes or without: by the even-odd rule."""
        corners = list(rings)
        box, mask = boxed(corners, self.size)
        self._paint(box, mask)
        self._n_cut += bool(mask.any()) and _leaves(corners, self.size)

    def draw_pieces(self, rings: Iterable[Ring]) -> None:
        """Draw a cell of which each ring is a piece: where pieces overlap, there is no hole."""
        corners = list(rings)
        mask = self.united(corners)
        self.paint(mask)
        self._n_cut += bool(mask.any()) and _leaves(corners, self.size)

    def united(self, rings: Iterable[Ring]) -> Mask:
        """Give the pixels that lie within any of some rings."""
        whole = np.zeros(self.size, bool)
        for ring in rings:
            box, mask = boxed([ring], self.size)
            whole[box] |= mask
        return whole

    def paint(self, mask: Mask) -> None:
        """Draw a cell by its pixels."""
        self._paint((slice(None), slice(None)), mask)

    def ignore(self, mask: Mask) -> None:
        """Mark pixels of which nothing is known."""
        self._ignored = mask if self._ignored is None else self._ignored | mask

    def drawn(self) -> Drawn:
        """Give what was drawn."""
        kept = np.unique(self._labels[self._labels > 0])
        numbers = np.zeros(self._n + 1, np.int32)
        numbers[kept] = np.arange(1, len(kept) + 1)
        return Drawn(numbers[self._labels], self._ignored, self._n_shared_px, self._n - len(kept), self._n_cut)

    def _paint(self, box: tuple[slice, slice], mask: Mask) -> None:
        self._n += 1
        around = self._labels[box]
        self._n_shared_px += int((around[mask] > 0).sum())
        around[mask] = self._n


def boxed(rings: list[Ring], size: tuple[int, int]) -> Boxed:
    """Fill rings in the part of the image that they reach, which for a cell is small."""
    corners = np.concatenate(rings)
    if not np.isfinite(corners).all():
        raise ValueError("a corner is no number")
    low = np.floor(corners.min(0)).clip(0, size).astype(int)
    high = np.ceil(corners.max(0)).clip(0, size).astype(int)
    box = (slice(low[0], high[0]), slice(low[1], high[1]))
    return box, filled([ring - low for ring in rings], (int(high[0] - low[0]), int(high[1] - low[1])))


def _leaves(rings: list[Ring], size: tuple[int, int]) -> bool:
    """Tell whether rings leave the image by more than a pixel, which programs that round may do."""
    corners = np.concatenate(rings)
    return bool((corners.min(0) < -1).any() or (corners.max(0) > np.add(size, 1)).any())
