"""From a native image to what a network takes in: the network's size, and grey levels on one scale. Plain numpy.

Learning, scoring and predicting all come through here. Scoring and predicting take the same size, too (`seen`), so what
is scored is what is predicted. The scale is that of the whole image, also where it goes through in tiles.
"""

from collections.abc import Iterable
from statistics import median_low

import numpy as np
from numpy.typing import NDArray

from cellprune.images.read import MAX_PIXELS, Floats, ImageError, normalize, resize_image
from cellprune.runs.modelcard import ModelCard, Normalization

KINDS = {  # of `data.normalization`
    "standard": Normalization(name="zero-mean-unit-variance"),
    "robust": Normalization(name="zero-mean-unit-variance-within-percentiles"),
    "percentile": Normalization(name="zero-median-four-between-percentiles"),
}

_MOST_TOGETHER = 2  # faulty pixels
BETWEEN = 4  # deviations between the percentiles of a usual image, which so gets a deviation of about 1


def seen(image: Floats, card: ModelCard, zoom: tuple[float, float] | None = None) -> Floats:
    """Make a native image into what a trained network is shown of it.

    Args:
        image: (C, H, W) float32, any scale.
        card: the network's.
        zoom: (y, x) network pixels for a native one; None for the training's.
    Raises:
        ImageError: it would be too large to be meant.
    """
    size = network_size((image.shape[1], image.shape[2]), zoom or card.zoom)
    return network_input(image, size, card.normalization)


def training_zoom(sizes: Iterable[tuple[int, int]], network: tuple[int, int]) -> tuple[float, float]:
    """Give the factors (y, x) from native to network pixels of a set of images.

    Args:
        sizes: (height, width) of each image. Images of several sizes are zoomed unlike in training; the middle size
            stands for them.
        network: (height, width) that they are brought to.
    """
    height, width = (median_low(sides) for sides in zip(*sizes, strict=True))
    return network[0] / height, network[1] / width


def network_size(size: tuple[int, int], zoom: tuple[float, float], *, most_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Give the (height, width) that the network sees of a native one.

    Args:
        size: (height, width).
        zoom: (y, x) network pixels for a native one.
        most_pixels: more are not meant.
    Raises:
        ImageError: it would be too large to be meant.
    """
    height, width = (max(1, round(side * factor)) for side, factor in zip(size, zoom, strict=True))
    if height * width > most_pixels:
        raise ImageError(
            f"{size[0]} x {size[1]} px zoomed by {zoom[0]:.3g} x {zoom[1]:.3g} give more than {most_pixels} px: "
            "cut the image into parts, or check the pixel sizes"
        )
    return height, width


def network_input(image: Floats, size: tuple[int, int], normalization: Normalization) -> Floats:
    """Make a native image into the network's input.

    Args:
        image: (C, H, W) float32, any scale.
        size: (height, width) that the network takes in.
        normalization: as the network learned.
    Returns:
        (C, height, width) float32: each channel of mean 0 and deviation 1, or about that where rare grey levels do not
        count; of median 0 and 4 between its percentiles, where few bright cells on much background shall not be cut off
        by the limit. A constant channel is 0.
    """
    if normalization.name == "zero-mean-unit-variance":
        return normalize(resize_image(image, size))
    # before resizing, which would smear a hot pixel over its neighbours
    return resize_image(np.stack([_within(channel, normalization) for channel in image]), size)


def _within(channel: Floats, normalization: Normalization) -> Floats:
    low, high = _levels(channel, normalization.percentiles)
    if low == high:
        return np.zeros_like(channel)
    channel = mended(channel, low - normalization.fault * (high - low), high + normalization.fault * (high - low))
    if normalization.name == "zero-median-four-between-percentiles":
        centre, unit = np.float64(np.median(channel)), (high - low) / BETWEEN
    else:
        usual = channel.clip(low, high)
        centre, unit = usual.mean(dtype=np.float64), usual.std(dtype=np.float64)
    furthest = normalization.limit * unit
    return ((channel.clip(centre - furthest, centre + furthest) - centre) / unit).astype(np.float32)


def mended(channel: Floats, lowest: np.float64, highest: np.float64) -> Floats:
    """Give hot and dead pixels, alone or two together, the median of the 3 x 3 pixels around: a cell is larger."""
    far = (channel < lowest) | (channel > highest)
    rows, columns = np.nonzero(far)
    if not len(rows):
        return channel

    def around(padded: NDArray) -> NDArray:
        return np.stack([padded[rows + down, columns + across] for down in range(3) for across in range(3)])

    lone = around(np.pad(far, 1)).sum(0) <= _MOST_TOGETHER
    repaired = channel.copy()
    repaired[rows[lone], columns[lone]] = np.median(around(np.pad(channel, 1, mode="edge")), axis=0)[lone]
    return repaired


def _levels(channel: Floats, percentiles: tuple[float, float]) -> tuple[np.float64, np.float64]:
    """Give two grey levels between which nearly all lie: the percentiles.

    Where these are the same, as in a few cells on a background of nothing, the middle of what is brighter takes the
    place of the one, or of what is darker that of the other: of whichever is more.
    """
    low, high = (np.float64(level) for level in np.percentile(channel, percentiles))
    if low == high:
        darker, brighter = channel[channel < low], channel[channel > high]
        if len(darker) > len(brighter):
            low = np.float64(np.median(darker))
        elif len(brighter):
            high = np.float64(np.median(brighter))
    return low, high
