"""A connected piece cut at its necks.

Each local maximum of the distance from the edge grows downhill until it meets others; the place where two meet is the
neck between them. From the widest neck to the narrowest, two parts are joined again where the neck is nearly as wide as
the narrower part, which is what remains of a rough outline.

Most pieces are one cell, and of most of these a few lines inside them show it, in less time than it takes to cut them
into parts and to join them again.

Source: Vincent, Soille 1991 (10.1109/34.87344) for the watershed of a distance transform; joining by depth is the
h-maxima transform (Soille 2003, section 6.3.4) taken region by region, which is five times as fast.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from cellprune.targets.decoders import Watershed
from cellprune.targets.growing import grow
from cellprune.targets.kinds import Maps
from cellprune.targets.neighbours import BESIDE, grown

_NEIGHBOURS = np.ones((3, 3), bool)
Box = tuple[slice, slice]
_ALONE_PX = 2000  # a piece that is cut by itself takes as long as so many pixels more
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
    from scipy import ndimage

    pieces: NDArray[np.int32] = ndimage.label(foreground, structure=_NEIGHBOURS)[0]
    if foreground.all():  # there is no edge to be far from
        return pieces
    boxes = [grown(box, 1, foreground.shape) for box in ndimage.find_objects(pieces)]
    if sum(_ALONE_PX + prod(side.stop - side.start for side in box) for box in boxes) > foreground.size:
        doubtful = [_Doubtful(np.s_[:, :], foreground, _widths(foreground))]  # many: all at once takes less time
    else:
        doubtful = _one_by_one(pieces, boxes, decoder)
    n_numbers = len(boxes)
    for one in doubtful:
        parts = _parts(one)
        joined = _joined(parts, one.widths, decoder)
        inside = parts > 0
        pieces[one.box][inside] = joined[parts[inside]] + n_numbers
        n_numbers += len(joined)
    return pieces


@dataclass(frozen=True)
class _Doubtful:
    """What may have necks: where it is, and in that box its pixels and their distances from the edge."""

    box: Box
    pixels: NDArray[np.bool_]
    widths: Maps


def _one_by_one(pieces: NDArray[np.int32], boxes: Sequence[Box], decoder: Watershed) -> list[_Doubtful]:
    """Give the pieces that may have necks.

    Args:
        boxes: of the pieces 1.., with one pixel around where there is an image.
    """
    doubtful = []
    for number, box in enumerate(boxes, start=1):
        piece = pieces[box] == number
        widths = _widths(piece)
        # of less than two cells' area one part would always be too small
        if np.count_nonzero(piece) >= 2 * decoder.min_area_px and not _is_whole(widths, decoder):
            doubtful.append(_Doubtful(box, piece, widths))
    return doubtful


def _widths(foreground: NDArray[np.bool_]) -> Maps:
    """Give each pixel's distance from the edge; a piece needs only the background beside it."""
    from scipy import ndimage

    widths: Maps = ndimage.distance_transform_edt(foreground).astype(np.float32)
    return widths


def _is_whole(widths: Maps, decoder: Watershed) -> bool:
    """Tell whether a piece surely has no neck; where that takes long to see, say no.

    A top is joined to a higher one if some way there is narrower than the top by less than the decoder's depth.
    Straight ways are looked at first; for the few tops that have none, all ways.
    """
    depth_px = decoder.depth * decoder.radius_px
    y, x = np.nonzero(_may_be_tops(widths) & (widths - 1 >= depth_px))  # lower ones are joined: no neck is below 1
    if len(y) < 2 or len(y) > _MOST_TOPS:
        return len(y) < 2
    order = np.argsort(-widths[y, x], kind="stable")
    y, x = y[order], x[order]
    down, across = y - y[:, None], x - x[:, None]
    steps = np.maximum(np.maximum(abs(down), abs(across)), 1)
    step = np.minimum(np.arange(steps.max() + 1)[:, None, None], steps)
    rows = y[:, None] + (2 * step * down + steps) // (2 * steps)
    columns = x[:, None] + (2 * step * across + steps) // (2 * steps)
    narrower = widths[y, x, None] - widths[rows, columns].min(0).astype(np.float64)
    left = np.flatnonzero(~np.tril(narrower < depth_px, -1).any(1))[1:]  # the highest needs no way
    return len(left) <= _MOST_ROUND and all(_reaches(widths, y[: top + 1], x[: top + 1], depth_px) for top in left)


def _reaches(widths: Maps, y: NDArray[np.intp], x: NDArray[np.intp], depth_px: float) -> bool:
    """Tell whether the last of some tops is joined to another, on whatever way."""
    from scipy import ndimage

    wide = ndimage.label(widths[y[-1], x[-1]] - widths.astype(np.float64) < depth_px, structure=_NEIGHBOURS)[0]
    own = wide[y[-1], x[-1]]
    return bool(own and (wide[y[:-1], x[:-1]] == own).any())  # at depth 0 no pixel is wide enough, its own neither


def _may_be_tops(widths: Maps) -> NDArray[np.bool_]:
    """Tell which pixels have only lower ones beside them in the order of reading before, and no higher one after.

    These are the first pixels of all local maxima, and some flat places on slopes.
    """
    around = np.pad(widths, 1)
    rows = np.maximum(np.maximum(around[:, :-2], around[:, 1:-1]), around[:, 2:])
    before, after = np.maximum(rows[:-2], around[1:-1, :-2]), np.maximum(rows[2:], around[1:-1, 2:])
    return (widths > before) & (widths >= after)


def _parts(piece: _Doubtful) -> NDArray[np.int32]:
    """Grow a piece, or several, from the tops: give the parts, from 1, 0 outside."""
    from scipy import ndimage
    from skimage.morphology import local_maxima

    is_top = local_maxima(piece.widths, connectivity=2) & piece.pixels
    return grow(ndimage.label(is_top, structure=_NEIGHBOURS)[0], piece.widths, piece.pixels)


def _joined(parts: NDArray[np.int32], widths: Maps, decoder: Watershed) -> NDArray[np.int32]:
    """Give each part the one that it is joined to, itself where it stays: a forest, its roots the highest parts."""
    areas = np.bincount(parts.ravel()).tolist()
    highest = np.zeros(len(areas), np.float32)
    np.maximum.at(highest, parts.ravel(), widths.ravel())
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
    pairs, heights = [], []
    for here, there in BESIDE:
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
