"""Pieces become cells: small ones go, the others get numbers without gaps, in the order of reading."""

import numpy as np
from numpy.typing import NDArray

from cellprune.targets.kinds import Classes, Instances


def numbered(pieces: NDArray[np.integer], min_area_px: float) -> NDArray[np.unsignedinteger]:
    """Give the pieces that are large enough new numbers.

    Args:
        pieces: (H, W), 0 is background, any numbers but few: they are counted up to the largest.
        min_area_px: what has fewer pixels is dropped.
    Returns:
        (H, W) uint16, or uint32 beyond 65,535 cells: 1.. without gaps, by each cell's first pixel.
    """
    flat = pieces.ravel()
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    start = np.concatenate([[0], changes])[: flat.size]  # of stretches of one piece
    piece, length = flat[start], np.diff(start, append=flat.size)
    areas = np.bincount(piece, weights=length, minlength=1)
    first = np.full(len(areas), flat.size)
    first[piece[::-1]] = start[::-1]  # of equal places the last one written stays, which is the first pixel
    kept = np.flatnonzero((areas >= max(1, min_area_px)) & (np.arange(len(areas)) > 0))
    kept = kept[np.argsort(first[kept])]
    numbers = np.zeros(len(areas), np.uint16 if len(kept) < 2**16 else np.uint32)
    numbers[kept] = np.arange(1, len(kept) + 1)
    return np.repeat(numbers[piece], length).reshape(pieces.shape)


def of_one_class(pieces: NDArray[np.integer], min_area_px: float) -> Instances:
    """Give the pieces that are large enough as cells of class 1."""
    labels = numbered(pieces, min_area_px)
    class_of = np.ones(int(labels.max(initial=0)) + 1, np.uint8)
    class_of[0] = 0
    return Instances(labels, class_of)


def foreground(cells: Instances) -> Classes:
    """Give 1 where there is a cell."""
    return (cells.labels > 0).astype(np.uint8)
