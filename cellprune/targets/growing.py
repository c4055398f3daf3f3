"""Seeds grow over what is connected with them, from the highest place down, until they meet: a watershed.

Of equal heights the first in the order of reading grows first. So what becomes of a piece of the foreground depends on
that piece alone, and it may be cut out and grown by itself. In scikit-image it depends on where its heap has them, and
so on all other seeds of the image.

Source: Vincent, Soille 1991 (10.1109/34.87344).
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cellprune.targets.connected import Pieces, pieces_of
from cellprune.targets.kinds import Box, Maps
from cellprune.targets.neighbours import box_of, grown

_Seeds = NDArray[np.int32]


class Heights(Protocol):
    """An image of heights, whole or made where it is looked at."""

    def __getitem__(self, box: Box, /) -> Maps:
        """Give the heights of a box, float32, 0 or more."""


def grow(seeds: _Seeds, heights: Heights, within: NDArray[np.bool_], *, seedless: bool = False) -> _Seeds:
    """Grow seeds.

    Args:
        seeds: (H, W), 0 where there is none; none lies outside of what may be covered.
        heights: (H, W).
        within: (H, W), what may be covered.
        seedless: whether a piece without a seed gets a number of its own.
    Returns:
        (H, W), 0 where no seed reaches.
    """
    pieces = pieces_of(within)
    seed, piece = _in_pieces(seeds, pieces)
    one_of, is_contested = np.zeros(pieces.n + 1, np.int32), np.zeros(pieces.n + 1, bool)
    one_of[piece] = seed
    is_contested[piece[one_of[piece] != seed]] = True
    if seedless:
        without = np.flatnonzero(one_of == 0)
        one_of[without] = seed.max(initial=0) + np.arange(len(without))
        one_of[0] = 0
    covered = pieces.painted(one_of)
    if is_contested.any():
        contested = pieces.painted(is_contested)
        box = grown(box_of(contested), 1, contested.shape)
        met = _met(seeds[box], heights[box], contested[box])
        np.copyto(covered[box], met, where=contested[box])
    return covered


def _in_pieces(seeds: _Seeds, pieces: Pieces) -> tuple[_Seeds, NDArray[np.intp]]:
    """Give seeds, each at least once for each piece that it lies in, and these pieces."""
    flat, width = seeds.ravel(), seeds.shape[1]
    begins = flat[1:] != flat[:-1]
    begins[width - 1 :: width] = True  # in each row anew: the next may begin in another piece
    at = np.concatenate([[0], np.flatnonzero(begins) + 1])[: flat.size]
    at = at[flat[at] > 0]
    return flat[at], pieces.at(at)


def _met(seeds: _Seeds, heights: Maps, within: NDArray[np.bool_]) -> _Seeds:
    """Grow seeds that meet."""
    from skimage.segmentation import watershed

    free = within & (seeds == 0)
    rim = np.where(_beside(free) & within, seeds, 0)  # what lies behind it has nowhere to grow, and takes time
    depths = -heights.astype(np.float64, order="C")  # so that the view below is no copy
    at = np.flatnonzero(rim)
    # between two numbers of float32 are 2^29 of float64: so the order is that of the heights, and no two are equal
    depths.view(np.int64).reshape(-1)[at] += np.arange(len(at), 0, -1)
    return np.where(free, watershed(depths, rim, mask=free | (rim > 0), connectivity=2), seeds)


def _beside(free: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell which pixels have a free one among their eight neighbours, or are free."""
    around = np.pad(free, 1)
    rows = around[:, :-2] | around[:, 1:-1] | around[:, 2:]
    near: NDArray[np.bool_] = rows[:-2] | rows[1:-1] | rows[2:]
    return near
