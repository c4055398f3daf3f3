"""From a native image to what a network takes in: grey levels on one scale, and the network's size. Plain numpy.

Learning, scoring and predicting all come through here, so a network is judged and used as it was trained. Whatever the
kind, the scale is that of the whole image, also where it goes through the network in tiles.
"""

import numpy as np

from cellprune.data.images import Floats, normalize, resize_image
from cellprune.runs.modelcard import Normalization

KINDS = {  # of `data.normalization`
    "standard": Normalization(name="zero-mean-unit-variance"),
    "percentile": Normalization(name="percentile-range"),
    "robust": Normalization(name="zero-mean-unit-variance-within-percentiles"),
}


def network_input(image: Floats, size: tuple[int, int], normalization: Normalization) -> Floats:
    """Make a native image into the network's input.

    Args:
        image: (C, H, W) float32, any scale.
        size: (height, width) that the network takes in.
        normalization: as the network learned.
    Returns:
        (C, height, width) float32: each channel of mean 0 and deviation 1; of "percentile-range" with the two
        percentiles at minus and plus half the limit instead. A constant channel is 0.
    """
    if normalization.name == "zero-mean-unit-variance":
        return normalize(resize_image(image, size))
    # before resizing, which would smear a hot pixel over its neighbours
    return resize_image(np.stack([_within(channel, normalization) for channel in image]), size)


def _within(channel: Floats, normalization: Normalization) -> Floats:
    low, high = _levels(channel, normalization.percentiles)
    if low == high:
        return np.zeros_like(channel)
    limit = normalization.limit
    if normalization.name == "percentile-range":  # the deviation of normally distributed grey levels is about 1, too
        centre, unit = (low + high) / 2, (high - low) / limit
    else:
        usual = channel.clip(low, high)
        centre, unit = usual.mean(dtype=np.float64), usual.std(dtype=np.float64)
    return ((channel.clip(centre - limit * unit, centre + limit * unit) - centre) / unit).astype(np.float32)


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
