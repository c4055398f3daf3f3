"""Which cells of two label images share pixels, and how many: the sparse table by which cells are matched.

Memory grows with the pairs of cells that overlap, never with cells times cells.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.integer | np.bool_]
"""Numbered cells, 0 is background; of any shape, numbers below 2^31."""
Counts = NDArray[np.int64]

_BLOCK_PX = 2**22  # pixels that are looked at at once: 32 MiB of pairs


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of a label image.

    Attributes:
        numbers: (n,) their labels, rising.
        area_px: (n,) the pixels of each.
    """

    numbers: Counts
    area_px: Counts

    def __len__(self) -> int:
        return len(self.numbers)

    def only(self, which: NDArray[np.bool_]) -> "Cells":
        """Give some of them: (n,) True for each that stays."""
        return Cells(self.numbers[which], self.area_px[which])


@dataclass(frozen=True, eq=False)
class Contingency:
    """The pairs of cells that share pixels, by rising labels.

    Attributes:
        first, second: the cells of each label image.
        at_first, at_second: (k,) the indices of each pair's cells in them.
        shared_px: (k,) the pixels that the two cells of a pair share, 1 or more.
    """

    first: Cells
    second: Cells
    at_first: NDArray[np.intp]
    at_second: NDArray[np.intp]
    shared_px: Counts


def contingency(first: Labels, second: Labels) -> Contingency:
    """Count the pixels that the cells of two label images share.

    Args:
        first, second: label images of one shape.
    Raises:
        ValueError: shapes differ, or a label is no whole number in 0..2^31-1.
    Example:
        >>> table = contingency(np.array([[1, 1, 0, 7]]), np.array([[5, 0, 5, 5]]))
        >>> [cells.area_px.tolist() for cells in (table.first, table.second)]
        [[2, 1], [3]]
        >>> table.shared_px.tolist()
        [1, 1]
    """
    if first.shape != second.shape:
        raise ValueError(f"label images of {first.shape} and {second.shape} pixels differ in shape")
    for labels in (first, second):
        if labels.dtype.kind not in "uib" or (labels.size and not 0 <= labels.min() <= labels.max() < 2**31):
            raise ValueError(f"labels of type {labels.dtype} are no whole numbers in 0..2^31-1")
    pairs, n_px = _merged(list(_blocks(first.ravel(), second.ravel())))
    in_first, in_second = pairs >> 32, pairs & 0xFFFFFFFF
    both = (in_first > 0) & (in_second > 0)
    one, other = (_cells(labels, n_px) for labels in (in_first, in_second))
    return Contingency(
        one, other, np.searchsorted(one.numbers, in_first[both]), np.searchsorted(other.numbers, in_second[both]),
        n_px[both],
    )  # fmt: skip


def areas(labels: Labels) -> Cells:
    """Give the cells of one label image, with their areas."""
    return contingency(labels, np.broadcast_to(np.uint8(0), labels.shape)).first


def inside_px(labels: Labels, region: NDArray[np.bool_]) -> Counts:
    """Count the pixels of each cell that lie in a region.

    Args:
        labels, region: of one shape.
    Returns:
        (n,) in the order of rising labels; 0 where a cell lies outside.
    """
    table = contingency(region, labels)
    within = np.zeros(len(table.second), np.int64)
    within[table.at_second] = table.shared_px
    return within


def _blocks(first: Labels, second: Labels) -> Iterator[tuple[Counts, Counts]]:
    """Give the different pairs of labels in each block of pixels, as one number each, and their pixels.

    Neighbours in a row mostly have equal labels, so that runs of equal pairs are sorted, not pixels.
    """
    for start in range(0, first.size, _BLOCK_PX):
        block = slice(start, start + _BLOCK_PX)
        pairs = first[block].astype(np.int64) << 32 | second[block].astype(np.int64)
        starts = np.concatenate([[0], np.flatnonzero(pairs[1:] != pairs[:-1]) + 1])
        yield _merged([(pairs[starts], np.diff(starts, append=pairs.size))])


def _merged(counted: list[tuple[Counts, Counts]]) -> tuple[Counts, Counts]:
    """Give every key once, rising, with the sum of its counts."""
    empty = np.zeros(0, np.int64)
    keys = np.concatenate([empty, *(key for key, _ in counted)])
    counts = np.concatenate([empty, *(count for _, count in counted)])
    different, at = np.unique(keys, return_inverse=True)
    # sums of whole numbers below 2^53 are exact in float64
    return different, np.bincount(at, weights=counts, minlength=len(different)).astype(np.int64)


def _cells(labels: Counts, n_px: Counts) -> Cells:
    """Give the cells of one side of the pairs: background is none."""
    numbers, area_px = _merged([(labels[labels > 0], n_px[labels > 0])])
    return Cells(numbers, area_px)
