"""Seeds grow over what is connected with them, from the highest place down, until they meet: a watershed.

Of equal heights the first in the order of reading grows first. So what becomes of a piece of the foreground depends on
that piece alone, and it may be cut out and grown by itself. In scikit-image it depends on where its heap has them, and
so on all other seeds of the image.

Source: Vincent, Soille 1991 (10.1109/34.87344).
"""

import numpy as np
from numpy.typing import NDArray

from cellprune.targets.kinds import Maps
from cellprune.targets.neighbours import box_of, grown

_NEIGHBOURS = np.ones((3, 3), bool)
_Seeds = NDArray[np.int32]


def grow(seeds: _Seeds, heights: Maps, within: NDArray[np.bool_]) -> _Seeds:
    """Grow seeds.

    Args:
        seeds: (H, W), 0 where there is none.
        heights: (H, W) float32, 0 or more within.
        within: (H, W), what may be covered.
    Returns:
        (H, W), 0 where no seed reaches.
    """
    from scipy import ndimage

    seeds = np.where(within, seeds, 0)
    pieces, n_pieces = ndimage.label(within, structure=_NEIGHBOURS)
    at = np.flatnonzero(seeds)
    seed, piece = seeds.ravel()[at], pieces.ravel()[at]
    one_of, is_contested = np.zeros(n_pieces + 1, np.int32), np.zeros(n_pieces + 1, bool)
    one_of[piece] = seed
    is_contested[piece[one_of[piece] != seed]] = True
    covered = one_of[pieces]
    if is_contested.any():
        contested = is_contested[pieces]
        box = grown(box_of(contested), 1, contested.shape)
        met = _met(seeds[box], heights[box], contested[box])
        np.copyto(covered[box], met, where=contested[box])
    return covered


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
