"""Cutting at necks without a shortcut: every piece of an image by one watershed, to hold `targets.necks` against."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import local_maxima

from cellprune.targets.decoders import Watershed
from cellprune.targets.growing import grow
from cellprune.targets.kinds import Maps

_NEIGHBOURS = np.ones((3, 3), bool)
_BESIDE = (  # each pixel and its neighbour to the right, below, and on both diagonals
    (np.s_[:, :-1], np.s_[:, 1:]),
    (np.s_[:-1], np.s_[1:]),
    (np.s_[:-1, :-1], np.s_[1:, 1:]),
    (np.s_[:-1, 1:], np.s_[1:, :-1]),
)


def cut(foreground: NDArray[np.bool_], decoder: Watershed) -> NDArray[np.int32]:
    """Cut a foreground at its necks.

    Args:
        foreground: (H, W).
        decoder: how narrow a neck must be, and how large each side.
    Returns:
        (H, W), 0 outside; the pieces have any numbers, with gaps.
    """
    if foreground.all() or not foreground.any():  # there is no edge to be far from
        return foreground.astype(np.int32)
    widths = ndimage.distance_transform_edt(foreground).astype(np.float32)
    tops, n_parts = ndimage.label(local_maxima(widths, connectivity=2) & foreground, structure=_NEIGHBOURS)
    parts = grow(tops, widths, foreground)
    heights = np.zeros(n_parts + 1, np.float32)
    heights[tops.ravel()] = widths.ravel()  # equal all over a top
    areas = np.bincount(parts.ravel(), minlength=n_parts + 1)
    return _joined(_necks(parts, widths), heights.tolist(), areas.tolist(), decoder)[parts]


def _joined(
    necks: Iterator[tuple[int, int, float]], heights: list[float], areas: list[int], decoder: Watershed
) -> NDArray[np.int32]:
    """Give each part the one that it is joined to, itself where it stays: a forest, its roots the highest parts."""
    depth_px, belongs = decoder.depth * decoder.radius_px, list(range(len(areas)))

    def root(part: int) -> int:
        while belongs[part] != part:
            belongs[part] = part = belongs[belongs[part]]  # shorter for the next
        return part

    for one, other, neck in necks:
        low, high = sorted((root(one), root(other)), key=lambda part: (heights[part], -part))
        is_shallow = heights[low] - neck < depth_px
        if low != high and (is_shallow or min(areas[low], areas[high]) < decoder.min_area_px):
            belongs[low] = high
            areas[high] += areas[low]
    return np.array([root(part) for part in range(len(areas))], np.int32)


def _necks(parts: NDArray[np.int32], widths: Maps) -> Iterator[tuple[int, int, float]]:
    """Give each two parts that touch and how wide it is between them, the widest first."""
    pairs, heights = [], []
    for here, there in _BESIDE:
        one, other = parts[here], parts[there]
        y, x = np.nonzero((one != other) & (one > 0) & (other > 0))
        pairs.append(np.stack([np.minimum(one[y, x], other[y, x]), np.maximum(one[y, x], other[y, x])]))
        heights.append(np.minimum(widths[here][y, x], widths[there][y, x]))
    (ones, others), necks = np.concatenate(pairs, axis=1), np.concatenate(heights)
    order = np.lexsort((others, ones, -necks))
    seen: set[tuple[int, int]] = set()
    for one, other, neck in zip(ones[order].tolist(), others[order].tolist(), necks[order].tolist(), strict=True):
        if (one, other) not in seen:
            seen.add((one, other))
            yield one, other, neck
