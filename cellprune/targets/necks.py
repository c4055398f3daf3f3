"""A connected piece cut at its necks.

Each local maximum of the distance from the edge grows downhill until it meets others; the place where two meet is the
neck between them. From the widest neck to the narrowest, two parts are joined again where the neck is nearly as wide as
the narrower part, which is what remains of a rough outline.

Most pieces are one cell, and of most of these a few lines inside them show it, in less time than it takes to cut them
into parts and to join them again.

Source: Vincent, Soille 1991 (10.1109/34.87344) for the watershed of a distance transform; joining by depth is the
h-maxima transform (Soille 2003, section 6.3.4) taken region by region, which is five times as fast.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from cellprune.targets.connected import Pieces, pieces_of
from cellprune.targets.decoders import Watershed
from cellprune.targets.growing import grow
from cellprune.targets.kinds import Box, Maps
from cellprune.targets.neighbours import grown
from cellprune.targets.widths import widths

_Places = NDArray[np.intp]  # in a flattened image
_ALONE_PX = 17_000  # a piece that is looked at by itself takes as long as so many pixels more
_GROWN_PX = 8  # a pixel that is grown over takes as long as so many that are not
_MOST_TOPS = 40  # of a piece; lines between more take longer than the watershed
_MOST_ROUND = 4  # of them that no straight line joins; each takes a tenth of the watershed


def cut(foreground: NDArray[np.bool_], decoder: Watershed) -> NDArray[np.int32]:
    """Cut a foreground at its necks.

    Args:
        foreground: (H, W).
        decoder: how narrow a neck must be, and how large each side.
    Returns:
        (H, W), 0 outside; the pieces have any numbers, with gaps.
    """
    pieces = pieces_of(foreground)
    cells = pieces.numbers()
    if foreground.all():  # there is no edge to be far from
        return cells
    n_numbers = pieces.n
    for one in _doubtful(pieces, decoder):
        parts, tops = _parts(one)
        joined = _joined(parts, tops, one.widths, decoder)
        inside = parts > 0
        cells[one.box][inside] = joined[parts[inside]] + n_numbers
        n_numbers += len(joined)
    return cells


@dataclass(frozen=True)
class _Doubtful:
    """What may have necks: where it is, and in that box its pixels and their distances from the edge."""

    box: Box
    pixels: NDArray[np.bool_]
    widths: Maps


def _doubtful(pieces: Pieces, decoder: Watershed) -> Iterator[_Doubtful]:
    """Give the pieces that may have necks, one by one, or all at once where they are many."""
    # of less than two cells' area one part would always be too small
    is_large = np.append(False, pieces.areas >= 2 * decoder.min_area_px)
    boxes = [grown(box, 1, pieces.shape) for box, large in zip(pieces.boxes(), is_large[1:], strict=True) if large]
    alone_px = sum(_ALONE_PX + prod(side.stop - side.start for side in box) for box in boxes)
    if alone_px > prod(pieces.shape) + _GROWN_PX * pieces.areas[is_large[1:]].sum():
        yield _Doubtful(np.s_[:, :], pieces.painted(is_large), widths(pieces))
        return
    for number, box in zip(np.flatnonzero(is_large).tolist(), boxes, strict=True):
        piece = pieces.alone(number, box)
        if not _is_whole(wide := widths(piece), decoder):
            yield _Doubtful(box, piece.foreground(), wide)


def _is_whole(widths: Maps, decoder: Watershed) -> bool:
    """Tell whether a piece surely has no neck; where that takes long to see, say no.

    A top is joined to a higher one if some way there is narrower than the top by less than the decoder's depth.
    Straight ways are looked at first, that to the highest before others; for the few tops that have none, all ways.
    """
    depth_px = decoder.depth * decoder.radius_px
    # lower ones are joined: no neck is below 1
    places = np.flatnonzero(_may_be_tops(widths) & (widths - 1 >= depth_px))
    if len(places) < 2 or len(places) > _MOST_TOPS:
        return len(places) < 2
    tops = places[np.argsort(-widths.ravel()[places], kind="stable")]
    left = np.arange(1, len(tops))  # the highest needs no way
    left = left[~_sees(widths, tops[left], tops[:1], depth_px)]
    one, other = np.nonzero(np.arange(len(tops)) < left[:, None])
    seeing = one[_sees(widths, tops[left[one]], tops[other], depth_px)]
    left = np.delete(left, seeing)
    return len(left) <= _MOST_ROUND and all(_reaches(widths, tops[: top + 1], depth_px) for top in left)


def _sees(widths: Maps, tops: _Places, others: _Places, depth_px: float) -> NDArray[np.bool_]:
    """Tell which tops are joined to another each on the straight way there; both broadcast."""
    (y, x), (to_y, to_x) = np.divmod(tops, widths.shape[1]), np.divmod(others, widths.shape[1])
    down, across = to_y - y, to_x - x
    steps = np.maximum(np.maximum(abs(down), abs(across)), 1)
    step = np.minimum(np.arange(steps.max(initial=0) + 1)[:, None], steps)
    rows = y + (2 * step * down + steps) // (2 * steps)
    columns = x + (2 * step * across + steps) // (2 * steps)
    sees: NDArray[np.bool_] = widths[y, x] - widths[rows, columns].min(0).astype(np.float64) < depth_px
    return sees


def _reaches(widths: Maps, tops: _Places, depth_px: float) -> bool:
    """Tell whether the last of some tops is joined to another, on whatever way."""
    wide = pieces_of(widths.ravel()[tops[-1]] - widths.astype(np.float64) < depth_px)
    return depth_px > 0 and bool((wide.at(tops[:-1]) == wide.at(tops[-1:])).any())


def _may_be_tops(widths: Maps) -> NDArray[np.bool_]:
    """Tell which pixels have only lower ones beside them in the order of reading before, and no higher one after.

    These are the first pixels of all local maxima, and some flat places on slopes.
    """
    around = np.pad(widths, 1)
    rows = np.maximum(np.maximum(around[:, :-2], around[:, 1:-1]), around[:, 2:])
    before, after = np.maximum(rows[:-2], around[1:-1, :-2]), np.maximum(rows[2:], around[1:-1, 2:])
    return (widths > before) & (widths >= after)


def _parts(piece: _Doubtful) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Grow a piece, or several, from the tops: give the parts, from 1, 0 outside, and the tops alike."""
    from skimage.morphology import local_maxima

    found = pieces_of(local_maxima(piece.widths, connectivity=2) & piece.pixels)
    tops = found.numbers()
    return grow(tops, piece.widths, piece.pixels), tops


def _joined(parts: NDArray[np.int32], tops: NDArray[np.int32], widths: Maps, decoder: Watershed) -> NDArray[np.int32]:
    """Give each part the one that it is joined to, itself where it stays: a forest, its roots the highest parts."""
    areas = np.bincount(parts.ravel()).tolist()
    highest = np.zeros(len(areas), np.float32)
    at = np.flatnonzero(tops)
    highest[tops.ravel()[at]] = widths.ravel()[at]  # equal all over a top
    heights = highest.tolist()
    depth_px, belongs = decoder.depth * decoder.radius_px, list(range(len(areas)))

    def root(part: int) -> int:
        while belongs[part] != part:
            belongs[part] = part = belongs[belongs[part]]  # shorter for the next
        return part

    for one, other, neck in _necks(parts, widths):
        low, high = sorted((root(one), root(other)), key=lambda part: (heights[part], -part))
        is_shallow = heights[low] - neck < depth_px
        if low != high and (is_shallow or min(areas[low], areas[high]) < decoder.min_area_px):
            belongs[low] = high
            areas[high] += areas[low]
    return np.array([root(part) for part in range(len(areas))], np.int32)


def _necks(parts: NDArray[np.int32], widths: Maps) -> Iterator[tuple[int, int, float]]:
    """Give each two parts that touch and how wide it is between them, the widest first."""
    part, wide, width = parts.ravel(), widths.ravel(), parts.shape[1]
    pairs, heights = [], []
    for further in {1, width - 1, width, width + 1} - {0}:  # places to the neighbours to the right and below
        here = np.flatnonzero(part[:-further] != part[further:])
        there = here + further
        (y, x), (to_y, to_x) = np.divmod(here, width), np.divmod(there, width)
        touch = (part[here] > 0) & (part[there] > 0) & (abs(to_x - x) <= 1) & (to_y - y <= 1)
        here, there = here[touch], there[touch]
        pairs.append(np.sort(np.stack([part[here], part[there]]), axis=0))
        heights.append(np.minimum(wide[here], wide[there]))
    (ones, others), necks = np.concatenate(pairs, axis=1), np.concatenate(heights)
    order = np.lexsort((others, ones, -necks))
    _, first = np.unique(ones[order].astype(np.int64) * len(part) + others[order], return_index=True)
    order = order[np.sort(first)]  # of each pair the widest
    yield from zip(ones[order].tolist(), others[order].tolist(), necks[order].tolist(), strict=True)
