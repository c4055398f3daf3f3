"""Seeds grow downhill until they meet: the watershed that all decoders use.

Of two equal pixels the flood takes the one that came into its heap first. Seeds come into it together, so for equal
seeds the answer depends on everything else in the image. Of a large image, whose pieces are decoded apart, equal seeds
grow in the order of reading instead: so a piece becomes the same cells, whatever is decoded beside it.
"""

import numpy as np
from numpy.typing import NDArray

from cellprune.targets.target import Maps

LARGE_PX = 2**23
"""Pixels beyond which an image is decoded in an orderly way; smaller ones stay as they were before there was one."""


def grown_from(
    heights: Maps, seeds: NDArray[np.int32], foreground: NDArray[np.bool_], *, orderly: bool
) -> NDArray[np.int32]:
    """Grow seeds from the highest pixels to the lowest.

    Args:
        heights: (h, w) float32.
        seeds: (h, w), 0 where there is none.
        foreground: (h, w), where they may grow.
        orderly: whether equal seeds grow in the order of reading.
    Returns:
        (h, w): the number of the seed that each pixel belongs to, 0 outside and where none comes.
    """
    from skimage.segmentation import watershed

    floors = _in_order(-heights, seeds) if orderly else -heights
    grown: NDArray[np.int32] = watershed(floors, seeds, mask=foreground, connectivity=2)
    return grown


def _in_order(floors: Maps, seeds: NDArray[np.int32]) -> NDArray[np.float64]:
    """Lower the seeds, the first most, by so little that none passes any other value of float32."""
    lowered = floors.astype(np.float64)
    y, x = np.nonzero(seeds)
    values = floors[y, x]
    gaps = values.astype(np.float64) - np.nextafter(values, np.float32(-np.inf))
    lowered[y, x] -= gaps / 2 * (1 - np.arange(len(y)) / max(1, len(y)))
    return lowered
