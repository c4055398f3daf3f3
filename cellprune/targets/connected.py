"""What is connected, by stretches: pixels side by side in a row, of which there are far fewer than pixels.

Source: Rosenfeld, Pfaltz 1966 (10.1145/321356.321357), who go row by row; here all rows are looked at at once.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cellprune.targets.kinds import Box, Extent

_Numbers = NDArray[np.intp]
Kind = TypeVar("Kind", bound=np.generic)


@dataclass(frozen=True)
class Pieces:
    """The connected pieces of a foreground, 1.. in the order of reading.

    Attributes:
        shape: (height, width) of the image.
        start, stop: (stretches,) places in the flattened image: the first pixel of each, and the one after its last.
        piece: (stretches,) the piece that each belongs to.
    """

    shape: Extent
    start: _Numbers
    stop: _Numbers
    piece: _Numbers

    @property
    def n(self) -> int:
        """How many pieces there are."""
        return int(self.piece.max(initial=0))

    @cached_property
    def areas(self) -> _Numbers:
        """Give the pixels of each piece, from piece 1 on."""
        return np.bincount(self.piece, weights=self.stop - self.start, minlength=1)[1:].astype(np.intp)

    def boxes(self) -> list[Box]:
        """Give the box around each piece, from piece 1 on."""
        if not len(self.piece):
            return []
        order = np.argsort(self.piece, kind="stable")
        firsts = np.flatnonzero(np.diff(self.piece[order], prepend=0))
        row, left = np.divmod(self.start[order], self.shape[1])
        right = left + (self.stop - self.start)[order]
        tops, bottoms = row[firsts], np.maximum.reduceat(row, firsts) + 1
        lefts, rights = np.minimum.reduceat(left, firsts), np.maximum.reduceat(right, firsts)
        sides = zip(*(side.tolist() for side in (tops, bottoms, lefts, rights)), strict=True)
        return [(slice(top, bottom), slice(left, right)) for top, bottom, left, right in sides]

    def at(self, places: _Numbers) -> _Numbers:
        """Give the piece at each place in the flattened image; it must be one of the foreground."""
        return self.piece[np.searchsorted(self.start, places, "right") - 1]

    def painted(self, values: NDArray[Kind]) -> NDArray[Kind]:
        """Give an image in which each pixel has its piece's value, and that of piece 0 outside."""
        return self.spread(values[self.piece], values[0])

    def numbers(self) -> NDArray[np.int32]:
        """Give an image of the pieces' numbers, 0 outside."""
        return self.painted(np.arange(self.n + 1, dtype=np.int32))

    def foreground(self) -> NDArray[np.bool_]:
        """Give an image of where any piece is."""
        return self.spread(np.ones(len(self.piece), bool))

    def spread(self, values: NDArray[Kind], outside: Kind | int = 0) -> NDArray[Kind]:
        """Give an image in which each pixel has the value of its stretch."""
        ends = np.zeros(2 * len(self.piece) + 2, np.intp)
        ends[1:-1:2], ends[2:-1:2], ends[-1] = self.start, self.stop, self.shape[0] * self.shape[1]
        value = np.full(len(ends) - 1, outside, values.dtype)
        value[1::2] = values
        return np.repeat(value, np.diff(ends)).reshape(self.shape)

    def alone(self, number: int, box: Box) -> "Pieces":
        """Give one piece in a box that holds it."""
        own = np.flatnonzero(self.piece == number)
        row, left = np.divmod(self.start[own], self.shape[1])
        height, width = (side.stop - side.start for side in box)
        start = (row - box[0].start) * width + left - box[1].start
        return Pieces((height, width), start, start + self.stop[own] - self.start[own], np.ones_like(own))


def pieces_of(foreground: NDArray[np.bool_], *, corners: bool = True) -> Pieces:
    """Find what is connected.

    Args:
        foreground: (H, W).
        corners: whether pixels that share but a corner are connected.
    """
    height, width = foreground.shape
    apart = np.zeros((height, width + 1), bool)  # so that no stretch goes on in the next row
    apart[:, :-1] = foreground
    flat = apart.ravel()
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    if flat[:1].any():
        changes = np.concatenate([[0], changes])
    start, stop = changes[::2], changes[1::2]
    below, reach = width + 1, int(corners)
    first = np.searchsorted(stop, start + below - reach, "right")
    n_touched = np.searchsorted(start, stop + below + reach, "left") - first
    upper = np.repeat(np.arange(len(start)), n_touched)
    lower = np.arange(len(upper)) + np.repeat(first - np.cumsum(n_touched) + n_touched, n_touched)
    root = _roots(len(start), upper, lower)
    piece = np.cumsum(root == np.arange(len(root)))[root]
    row = start // below
    return Pieces((height, width), start - row, stop - row, piece)


def _roots(n: int, one: _Numbers, other: _Numbers) -> _Numbers:
    """Give for each of n things the first of those that it is joined with, by pairs."""
    root = np.arange(n)
    while len(one):
        np.minimum.at(root, np.maximum(one, other), np.minimum(one, other))
        while ((above := root[root]) != root).any():
            root = above
        one, other = root[one], root[other]
        apart = one != other
        one, other = one[apart], other[apart]
    return root
