"""Boxes of an image that is stored in blocks: those that a box touches are read, and the last ones are kept."""

from collections import OrderedDict
from collections.abc import Callable
from itertools import product

import numpy as np
from numpy.typing import NDArray

from cellprune.targets.kinds import Box, Extent

_KEPT_BYTES = 2**24  # of blocks, or a row of them where that is more: the next box needs it again

Windows = Callable[[Box], NDArray]
"""A box of an image -> its pixels, (C, h, w) and perhaps further axes."""


def windows_of(block: Callable[[int, int], NDArray], size: Extent, block_size: Extent) -> Windows:
    """Give what reads boxes of an image in blocks.

    Args:
        block: the number of a block down and across -> its pixels, (C, h, w) and perhaps further axes; at the image's
            edge no more than there are, or more.
        size: (height, width) of the image.
        block_size: (height, width) of a block that lies within it.
    """
    n_across = -(-size[1] // block_size[1])
    kept: OrderedDict[tuple[int, int], NDArray] = OrderedDict()

    def at(number: tuple[int, int]) -> NDArray:
        if number not in kept:
            kept[number] = block(*number)
            most_kept = max(n_across, _KEPT_BYTES // max(1, kept[number].nbytes))
            while len(kept) > most_kept:
                kept.popitem(last=False)
        kept.move_to_end(number)
        return kept[number]

    def read(box: Box) -> NDArray:
        shape = (box[0].stop - box[0].start, box[1].stop - box[1].start)
        down, across = (range(span.start // of, -(-span.stop // of)) for span, of in zip(box, block_size, strict=True))
        found: NDArray | None = None
        for number in product(down, across):
            pixels = at(number)
            if found is None:
                found = np.empty((pixels.shape[0], *shape, *pixels.shape[3:]), pixels.dtype)
            (to_y, from_y), (to_x, from_x) = (
                _shared(span, n * of, of) for span, n, of in zip(box, number, block_size, strict=True)
            )
            found[:, to_y, to_x] = pixels[:, from_y, from_x]
        if found is None:
            raise ValueError(f"the box {box} is empty")
        return found

    return read


def _shared(span: slice, start: int, length: int) -> tuple[slice, slice]:
    """Give what a span shares with a block along an axis, in the one and in the other."""
    begin, end = max(span.start, start), min(span.stop, start + length)
    return slice(begin - span.start, end - span.start), slice(begin - start, end - start)
