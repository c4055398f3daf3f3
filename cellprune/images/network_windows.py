"""What a network is shown of a large image, a box at a time: the same numbers as `images.network_input` gives.

Grey levels are brought on one scale by the whole image. What that takes of it is found first, part by part: its range,
its percentiles (exact: ranks are counted, nothing is sampled), its mean and deviation. Sums are taken in another order
than of an image in one piece, so the last digit of float64 may differ, and nothing else.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellprune.images.boxes import around, bands
from cellprune.images.network_input import BETWEEN, mended
from cellprune.images.read import Floats, are_equal, is_constant, require_grey_levels
from cellprune.runs.modelcard import Normalization
from cellprune.targets.kinds import Box, Extent

Part = Callable[[Box], Floats]  # a box of a channel -> (h, w) float32
Read = Callable[[Box], NDArray]  # a box of an image -> its grey levels as they are saved, (C, h, w)

_STRIP_PX = 2**17
_LOW_BITS = 14  # of a float32 in 0..1: ranks are counted by its high bits first, then by these
_MENDING_PX, _DEVIATIONS = 1, 4  # how far mending and a Gaussian of SciPy look


@dataclass(frozen=True)
class GreyLevels:
    """The grey levels of a large image.

    Attributes:
        read: gives a box of them.
        size: (height, width).
        channels: how many of its channels are meant, the first ones.
        low, high: one pixel each, the darkest and the brightest of all channels, as they are saved.
    """

    read: Read
    size: Extent
    channels: int
    low: NDArray
    high: NDArray

    @property
    def is_blank(self) -> bool:
        """Whether every pixel is the same."""
        return bool(self.low[0] == self.high[0])

    def saved(self, box: Box) -> NDArray:
        """Give a box as it is saved, (channels, h, w)."""
        return self.read(box)[: self.channels]

    def in_unit_range(self, box: Box) -> Floats:
        """Do for a box what `images.read.in_unit_range` does for an image; (channels, h, w)."""
        return self._scaled(self.saved(box))

    def channel(self, number: int) -> Part:
        """Give what reads one channel in the unit range."""
        return lambda box: self._scaled(self.read(box)[number])

    def _scaled(self, pixels: NDArray) -> Floats:
        # as there: beyond 16 bits float32 cannot hold the value before the offset is gone
        working = np.float64 if pixels.dtype.itemsize > 2 else np.float32
        scaled: NDArray[np.floating] = pixels.astype(working) - self.low
        scaled = scaled if self.is_blank else scaled / (self.high.astype(working) - self.low)
        return scaled.astype(np.float32, copy=False)


def grey_levels(read: Read, size: Extent, path: Path, *, channels: int) -> GreyLevels:
    """Look at all pixels of an image once, and refuse what `images.read.read_grey_levels` refuses.

    Args:
        read: gives a box of it.
        size: (height, width).
        path: for messages.
        channels: that are wanted: where it is one, equal channels are one.
    Raises:
        ImageError: see `images.read`.
    """
    lows, highs, n_channels, equal = [], [], 1, True
    for box in bands(size):
        pixels = read(box)
        require_grey_levels(pixels, path)
        lows.append(pixels.min())
        highs.append(pixels.max())
        n_channels, equal = len(pixels), equal and are_equal(pixels)
    low, high = np.array([min(lows)], pixels.dtype), np.array([max(highs)], pixels.dtype)
    return GreyLevels(read, size, 1 if channels == 1 and equal else n_channels, low, high)


def network_windows(levels: GreyLevels, size: Extent, normalization: Normalization) -> Part:
    """Give what makes a box of the network's input, (channels, h, w) float32.

    Args:
        levels: the image, of which all is read several times.
        size: (height, width) that the network takes in.
        normalization: as the network learned.
    """
    channels = [levels.channel(number) for number in range(levels.channels)]
    if normalization.name == "zero-mean-unit-variance":
        ready = [_standard(channel, levels.size, size) for channel in channels]
    else:
        ready = [_resized(*_within(channel, levels.size, normalization), levels.size, size) for channel in channels]

    def window(box: Box) -> Floats:
        found = np.empty((len(ready), box[0].stop - box[0].start, box[1].stop - box[1].start), np.float32)
        rows = max(1, _STRIP_PX // found.shape[2])
        for top in range(box[0].start, box[0].stop, rows):  # what is between here and there takes much more memory
            strip = slice(top, min(box[0].stop, top + rows)), box[1]
            for channel, of_channel in zip(ready, found, strict=True):
                of_channel[strip[0].start - box[0].start : strip[0].stop - box[0].start] = channel(strip)
        return found

    return window


@dataclass(frozen=True)
class _Range:
    """The least and the most of a channel: resized values do not pass them."""

    least: np.float32
    most: np.float32


@dataclass(frozen=True)
class _Moments:
    """Of values that came in parts: how many, their mean, and their squared distances from it."""

    n: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def joined(self, part: NDArray) -> "_Moments":
        """Add values (Chan, Golub, LeVeque 1983)."""
        mean = part.mean(dtype=np.float64)
        squares = float(((part - mean) ** 2).sum(dtype=np.float64))
        both, apart = self.n + part.size, float(mean) - self.mean
        return _Moments(
            both,
            self.mean + apart * part.size / both,
            self.squares + squares + apart**2 * self.n * part.size / both,
        )

    @property
    def deviation(self) -> np.float64:
        return np.float64(np.sqrt(self.squares / self.n))


def _standard(channel: Part, old: Extent, new: Extent) -> Part:
    """Resize a channel, and bring it to mean 0 and deviation 1."""
    ends = [(part.min(), part.max()) for part in map(channel, bands(old))]
    within = _Range(min(least for least, _ in ends), max(most for _, most in ends))
    resized, moments = _resized(channel, within, old, new), _Moments()
    for box in bands(new):
        moments = moments.joined(resized(box))
    mean, deviation = np.float64(moments.mean), moments.deviation
    if is_constant(deviation):
        return lambda box: np.zeros_like(resized(box))
    return lambda box: ((resized(box) - mean) / deviation).astype(np.float32)


def _within(channel: Part, size: Extent, normalization: Normalization) -> tuple[Part, _Range]:
    """Bring a channel on the scale of its usual grey levels, see `images.network_input`."""
    low, high = _levels(channel, size, normalization.percentiles)
    if low == high:
        return (lambda box: np.zeros_like(channel(box))), _Range(np.float32(0), np.float32(0))
    faulty = normalization.fault * (high - low)

    def whole(box: Box) -> Floats:
        wide, inner = around(box, _MENDING_PX, size)
        return mended(channel(wide), low - faulty, high + faulty)[inner]

    moments, least, most = _Moments(), np.float32(np.inf), np.float32(-np.inf)
    for box in bands(size):
        part = whole(box)
        least, most = min(least, part.min()), max(most, part.max())
        moments = moments.joined(part.clip(low, high))
    if normalization.name == "zero-median-four-between-percentiles":
        centre, unit = np.float64(_median(whole, size, 0, prod(size))), (high - low) / BETWEEN
    else:
        centre, unit = np.float64(moments.mean), moments.deviation
    furthest = normalization.limit * unit

    def scaled(values: Floats) -> Floats:
        of_usual: Floats = ((values.clip(centre - furthest, centre + furthest) - centre) / unit).astype(np.float32)
        return of_usual

    ends = scaled(np.array([least, most]))
    return (lambda box: scaled(whole(box))), _Range(ends[0], ends[1])


def _levels(channel: Part, size: Extent, percentiles: Sequence[float]) -> tuple[np.float64, np.float64]:
    """Give two grey levels between which nearly all lie, as `images.network_input` does."""
    n = prod(size)
    places = (n - 1) * np.true_divide(percentiles, 100)
    before = np.floor(places).astype(np.int64)
    ranks = [*before.tolist(), *np.minimum(before + 1, n - 1).tolist()]
    values = _at_ranks(channel, size, ranks)
    low, high = (_between(values[k], values[k + 2], places[k] - before[k]) for k in range(2))
    if low == high:
        darker = sum(int((channel(box) < low).sum()) for box in bands(size))
        brighter = sum(int((channel(box) > high).sum()) for box in bands(size))
        if darker > brighter:
            low = np.float64(_median(channel, size, 0, darker))
        elif brighter:
            high = np.float64(_median(channel, size, n - brighter, n))
    return low, high


def _between(one: np.float32, other: np.float32, share: np.float64) -> np.float64:
    """Mix two values as NumPy's percentiles do."""
    apart = other - one
    return np.float64(one + apart * share if share < 0.5 else other - apart * (1 - share))


def _median(channel: Part, size: Extent, begin: int, end: int) -> np.float32:
    """Give the median of the values of some ranks."""
    n = end - begin
    return np.float32(np.median(_at_ranks(channel, size, [begin + (n - 1) // 2, begin + n // 2])))


def _at_ranks(channel: Part, size: Extent, ranks: Sequence[int]) -> Floats:
    """Give the values of some ranks, from 0, exactly: in 0..1 floats are in the order of their bits."""

    def counts(high_bits: int | None) -> NDArray[np.int64]:
        total = np.zeros(2 ** (32 - _LOW_BITS if high_bits is None else _LOW_BITS), np.int64)
        for box in bands(size):
            bits = np.ascontiguousarray(channel(box)).ravel().view(np.uint32)
            if high_bits is None:
                total += np.bincount(bits >> _LOW_BITS, minlength=len(total))
            else:
                low = bits[bits >> _LOW_BITS == high_bits] & (2**_LOW_BITS - 1)
                total += np.bincount(low, minlength=len(total))
        return total

    ends = np.cumsum(counts(None))
    places = np.searchsorted(ends, ranks, side="right")
    ends_within = {place: np.cumsum(counts(int(place))) for place in np.unique(places)}
    found = [
        (int(place) << _LOW_BITS)
        + int(np.searchsorted(ends_within[place], rank - (ends[place - 1] if place else 0), side="right"))
        for rank, place in zip(ranks, places, strict=True)
    ]
    return np.array(found, np.uint32).view(np.float32)


def _resized(channel: Part, within: _Range, old: Extent, new: Extent) -> Part:
    """Resize a channel as `images.read.resize_image` does an image, bit for bit."""
    if old == new:
        return channel
    from scipy import ndimage

    factors = np.divide(old, new)
    deviations = np.maximum(0, (factors - 1) / 2)
    halo_px = ceil(_DEVIATIONS * deviations.max()) + 1

    def resized(box: Box) -> Floats:
        (above, low), (left, far) = (
            _lines(span, float(factor), side) for span, factor, side in zip(box, factors, old, strict=True)
        )
        needed = (slice(above[0], min(old[0], above[-1] + 2)), slice(left[0], min(old[1], left[-1] + 2)))
        wide, inner = around(needed, halo_px, old)
        smooth = ndimage.gaussian_filter(channel(wide), deviations, mode="nearest")[inner].astype(np.float64)
        down, right = (
            np.minimum(lines - side.start + 1, side.stop - side.start - 1)
            for lines, side in zip((above, left), needed, strict=True)
        )
        up, left = above - needed[0].start, left - needed[1].start
        upper, lower = 1 - low, 1 - (1 - low)
        nearer, further = 1 - far, 1 - (1 - far)
        mixed = smooth[up][:, left] * upper[:, None] * nearer
        mixed += smooth[up][:, right] * upper[:, None] * further
        mixed += smooth[down][:, left] * lower[:, None] * nearer
        mixed += smooth[down][:, right] * lower[:, None] * further
        small: Floats = mixed.astype(np.float32).clip(within.least, within.most)
        return small

    return resized


def _lines(span: slice, factor: float, old: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Give for each new line the old one before it, and how far it lies beyond that."""
    places = ((np.arange(span.start, span.stop) + 0.5) * factor - 0.5).clip(0, old - 1)
    before = np.floor(places).astype(np.intp)
    return before, places - before
