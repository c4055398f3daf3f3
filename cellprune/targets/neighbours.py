"""Where cells come close to each other, and how far a pixel is inside its own: of numbered cells, at native size."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cellprune.targets.decoders import CellSize
from cellprune.targets.kinds import UNKNOWN, Labels

BESIDE = (
    (np.s_[:, :-1], np.s_[:, 1:]),
    (np.s_[:-1, :], np.s_[1:, :]),
    (np.s_[:-1, :-1], np.s_[1:, 1:]),
    (np.s_[:-1, 1:], np.s_[1:, :-1]),
)
"""Each pixel and its neighbour to the right, below, and on both diagonals: what to take of an image for each pair."""
_SOMEBODY = np.iinfo(np.int32).max  # what is unknown may be a cell


def between(labels: Labels, reach_px: int, *, unknown_is_cell: bool = False) -> NDArray[np.bool_]:
    """Tell which pixels have two different cells within reach.

    Args:
        labels: see `targets.kinds.Labels`.
        reach_px: a square of so many pixels to each side is looked at.
        unknown_is_cell: whether what is unknown counts as one more cell, or as background.
    """
    from scipy import ndimage

    numbers = np.where(labels == UNKNOWN, _SOMEBODY - 1 if unknown_is_cell else 0, labels).astype(np.int32)
    side = 2 * reach_px + 1
    highest = ndimage.maximum_filter(numbers, side, mode="nearest")
    numbers[numbers == 0] = _SOMEBODY
    return highest > ndimage.minimum_filter(numbers, side, mode="nearest")


def cells_in(labels: Labels) -> Iterator[tuple[int, tuple[slice, slice]]]:
    """Give every cell's number and the box around it."""
    from scipy import ndimage

    for number, box in enumerate(ndimage.find_objects(np.maximum(labels, 0)), start=1):
        if box is not None:
            yield number, box


def box_of(pixels: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Give the box around all pixels that are marked, one at least."""
    rows, columns = (np.flatnonzero(pixels.any(axis)) for axis in (1, 0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def grown(box: tuple[slice, slice], by_px: int, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Give a box that is larger on each side, as far as there is an image."""
    rows, columns = (
        slice(max(0, side.start - by_px), min(whole, side.stop + by_px)) for side, whole in zip(box, shape, strict=True)
    )
    return rows, columns


def depths(cell: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Give each pixel's distance from the cell's edge, 0 outside; the edge of the image is no edge of a cell.

    Args:
        cell: (h, w), a part of the image that has one pixel more than the cell wherever there is an image.
    """
    from scipy import ndimage

    inside: NDArray[np.float64] = ndimage.distance_transform_edt(cell)
    return np.ones(cell.shape) if cell.all() else inside  # nothing is outside


def sizes(labels: Labels) -> NDArray[np.float32]:
    """Measure every cell: (cells, 2) of its area and of its largest distance from the edge, in pixels."""
    measured = []
    for number, box in cells_in(labels):
        cell = labels[grown(box, 1, labels.shape)] == number
        measured.append((cell.sum(), depths(cell).max()))
    return np.array(measured, np.float32).reshape(-1, 2)


def usual(measured: NDArray[np.float32]) -> CellSize | None:
    """Give the median of what `sizes` measured, of one image or many; None where there is no cell."""
    return CellSize(*np.median(measured, axis=0).tolist()) if len(measured) else None
