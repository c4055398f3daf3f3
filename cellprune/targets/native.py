"""Maps of a network back to the size of the image, bilinearly, a band of rows at a time.

Note: the same sums as torch's `interpolate(mode="bilinear", align_corners=False)` on a processor with fused
    multiply-adds, bit for bit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cellprune.targets.kinds import Box, Classes, Extent, Maps

_BAND_PX = 128  # rows that are decided at once: few, so that their memory is used again
ROUNDING = np.float32(2**-18)
"""Of the largest value: each of some 30 roundings of a difference of two mixed maps moves it by 2^-24 at most."""
_LEAST = np.finfo(np.float32).tiny  # below it rounding is no share of a number


def decided(probabilities: Maps, size: Extent) -> Classes:
    """Map probabilities back to native size, bilinearly, and take the class of the largest: labels are never mixed.

    Args:
        probabilities: (classes, h, w) float32.
        size: (height, width) to reach.
    Returns:
        (height, width) uint8; of equal probabilities the first class wins.
    """
    classes = np.empty(size, np.uint8)
    _decide(probabilities, classes, _larger_of_two if len(probabilities) == 2 else _largest)
    return classes


def over(maps: Maps, size: Extent, threshold: float) -> NDArray[np.bool_]:
    """Tell where a map at native size is above a threshold, as `brought_back` gives it, in less time.

    Args:
        maps: (1, h, w) float32.
        size: (height, width) to reach.
        threshold: see there.
    """
    if maps.shape[1:] == size:
        return maps[0] > threshold
    is_over = np.empty(size, bool)
    _decide(maps, is_over, partial(_over, threshold=np.float32(threshold)))
    return is_over


def _decide(maps: Maps, decided: NDArray, decide: "_Decide") -> None:
    """Fill an image of native size with what is decided by maps."""
    height, width = decided.shape
    rows, columns = _weights(maps.shape[1], height), _weights(maps.shape[2], width)
    for start in range(0, height, _BAND_PX):
        band = slice(start, start + _BAND_PX)
        up, down, low = rows[0][band], rows[1][band], rows[2][band]
        first, last = up[0], down[-1] + 1
        decided[band] = decide(maps[:, first:last], (up - first, down - first, low), columns)


def brought_back(maps: Maps, size: Extent) -> Maps:
    """Map any maps to another size, bilinearly.

    Args:
        maps: (maps, h, w) float32.
        size: (height, width) to reach.
    Returns:
        (maps, height, width) float32.
    """
    if maps.shape[1:] == size:
        return maps
    native = np.empty((len(maps), *size), np.float32)
    (up, down, low), (left, right, far) = _weights(maps.shape[1], size[0]), _weights(maps.shape[2], size[1])
    wide = _mixed(np.take(maps, left, 2), np.take(maps, right, 2), far)
    for start in range(0, size[0], _BAND_PX):
        band = slice(start, start + _BAND_PX)
        native[:, band] = _mixed(wide[:, up[band]], wide[:, down[band]], low[band, None])
    return native


Places = NDArray[np.intp]  # rows, or columns
Between = tuple[NDArray[np.intp], NDArray[np.intp], Maps]  # the two old places around each new, the second's share
_Decide = Callable[[Maps, Between, Between], NDArray]  # maps, and between which rows and columns -> of each pixel


def _largest(maps: Maps, rows: Between, columns: Between) -> NDArray[np.intp]:
    (up, down, low), (left, right, far) = rows, columns
    wide = _mixed(np.take(maps, left, 2), np.take(maps, right, 2), far)
    return _mixed(wide[:, up], wide[:, down], low[:, None]).argmax(0)


def _larger_of_two(maps: Maps, rows: Between, columns: Between) -> NDArray[np.bool_]:
    """Give what `_largest` gives of two maps, in a quarter of its time.

    How far the second is ahead is mixed once, not both maps. Where that is no more than rounding may do, the few
    pixels are decided by the sums that both are held to.
    """
    ahead = _nearly_there(maps[1] - maps[0], rows, columns)
    return corrected(ahead, ROUNDING * np.abs(maps).max(), lambda y, x: _there(maps, rows, columns, y, x).argmax(0))


def _over(maps: Maps, rows: Between, columns: Between, threshold: np.float32) -> NDArray[np.bool_]:
    """Tell where one map is above a threshold, with the same care."""
    ahead = _nearly_there(maps[0], rows, columns)
    ahead -= threshold
    rounding = ROUNDING * max(np.abs(maps).max(), abs(threshold))
    return corrected(ahead, rounding, lambda y, x: _there(maps, rows, columns, y, x)[0] > threshold)


def corrected(ahead: Maps, rounding: float, exactly: Callable[[Places, Places], NDArray]) -> NDArray[np.bool_]:
    """Tell what is above 0, of numbers that are right but for rounding.

    Args:
        ahead: (h, w) float32.
        rounding: by so much they may be wrong.
        exactly: (rows, columns) -> whether it is at those pixels, where rounding may decide it.
    """
    is_above = ahead > 0
    in_doubt = ~(np.abs(ahead) > max(rounding, _LEAST))  # so that NaN is, too
    y, x = np.divmod(np.flatnonzero(in_doubt), ahead.shape[1])
    if len(y):
        is_above[y, x] = exactly(y, x)
    return is_above


def _there(maps: Maps, rows: Between, columns: Between, y: Places, x: Places) -> Maps:
    """Give maps at some pixels."""
    (up, down, low), (left, right, far) = rows, columns
    above, below = (_mixed(maps[:, at[y], left[x]], maps[:, at[y], right[x]], far[x]) for at in (up, down))
    return _mixed(above, below, low[y])


def _nearly_there(values: Maps, rows: Between, columns: Between) -> Maps:
    """Give a map at native size but for rounding."""
    (up, down, low), (left, right, far) = rows, columns
    wide = _nearly_mixed(values, left, right, far, axis=1)
    return _nearly_mixed(wide, up, down, low, axis=0)


def _nearly_mixed(
    values: Maps, before: NDArray[np.intp], after: NDArray[np.intp], share: NDArray[np.float32], *, axis: int
) -> Maps:
    """Give values between two places along an axis, as `_mixed` but for rounding."""
    mixed, other = np.take(values, before, axis), np.take(values, after, axis)
    other -= mixed
    other *= share if axis else share[:, None]
    mixed += other
    return mixed


def _weights(old: int, new: int) -> Between:
    """Give for each new place along an axis the two old ones that it lies between, and its share of the second."""
    scale = np.float64(np.float32(old) / np.float32(new))
    # float64 holds the product exactly: rounded once, as by a fused multiply-add
    place = np.maximum((scale * (np.arange(new) + 0.5) - 0.5).astype(np.float32), np.float32(0))
    before = np.minimum(place.astype(np.intp), old - 1)
    share = np.minimum(place - before.astype(np.float32), np.float32(1))
    return before, np.minimum(before + 1, old - 1), share


class Window(NamedTuple):
    """A box of an image at native size, and what of the network's maps it is mixed from.

    Attributes:
        taken: the box of the maps.
        rows, columns: by which the pixels of the window lie between those of that box.
        is_equal: whether the maps have the native size.
    """

    taken: Box
    rows: Between
    columns: Between
    is_equal: bool


def window_of(box: Box, old: Extent, new: Extent) -> Window:
    """Look what a box of a native image takes of the maps.

    Args:
        box: rows and columns of it.
        old: (height, width) of the maps.
        new: that of the image.
    """
    taken, between = [], []
    for span, from_px, to_px in zip(box, old, new, strict=True):
        before, after, share = _weights(from_px, to_px)
        first = int(before[span.start])
        taken.append(slice(first, int(after[span.stop - 1]) + 1))
        between.append((before[span] - first, after[span] - first, share[span]))
    return Window((taken[0], taken[1]), between[0], between[1], old == new)


def decided_there(maps: Maps, window: Window) -> Classes:
    """Do for a window what `decided` does for an image, bit for bit, of the maps that it takes."""
    decide = _larger_of_two if len(maps) == 2 else _largest
    return decide(maps, window.rows, window.columns).astype(np.uint8)


def brought_back_there(maps: Maps, window: Window) -> Maps:
    """Do for a window what `brought_back` does for an image, bit for bit, of the maps that it takes."""
    (up, down, low), (left, right, far) = window.rows, window.columns
    if window.is_equal:
        return maps[:, up][..., left]
    wide = _mixed(np.take(maps, left, 2), np.take(maps, right, 2), far)
    return _mixed(wide[:, up], wide[:, down], low[:, None])


@dataclass(frozen=True)
class Native:
    """One map at native size, of which only the boxes are made that are asked for, by [box].

    Attributes:
        maps: (1, h, w) float32, of the network's size.
        size: (height, width) to reach.
    """

    maps: Maps
    size: Extent

    def __getitem__(self, box: Box) -> Maps:
        """Give the box, (height, width) float32."""
        window = window_of(box, (self.maps.shape[1], self.maps.shape[2]), self.size)
        return brought_back_there(self.maps[:, *window.taken], window)[0]

    def nearly(self, weights: NDArray[np.float32] | None = None) -> Maps:
        """Give all of it but for rounding, in less time, and smoothed.

        Args:
            weights: of a pixel, and of those away from it by 1, 2, ... along each axis; None for not smoothed.
        """
        values = self.maps[0]
        for axis in (1, 0):
            if values.shape[axis] != self.size[axis]:
                values = _nearly_mixed(values, *_weights(values.shape[axis], self.size[axis]), axis=axis)
            if weights is not None:
                values = _weighted(values, weights, axis=axis)
        return values


def _weighted(values: Maps, weights: NDArray[np.float32], *, axis: int) -> Maps:
    """Add the pixels on both sides along an axis, which is mirrored at its ends, with a weight for each distance."""
    reach, n = len(weights) - 1, values.shape[axis]
    margins = ((reach, reach), (0, 0)) if axis == 0 else ((0, 0), (reach, reach))
    mirrored = np.pad(values, margins, mode="symmetric")
    moved = [mirrored[by : by + n] if axis == 0 else mirrored[:, by : by + n] for by in range(2 * reach + 1)]
    total = weights[0] * values
    for away in range(1, reach + 1):
        both = moved[reach - away] + moved[reach + away]
        both *= weights[away]
        total += both
    return total


def _mixed(one: Maps, other: Maps, share: Maps) -> Maps:
    """Give `one` with so large a share of `other`: a product, and a fused multiply-add to it."""
    rest = np.float32(1) - share
    return (one * rest.astype(np.float64) + other * share).astype(np.float32)
