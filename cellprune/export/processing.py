"""What tools of bioimage.io do to an image before our network: our normalization, as near as their steps can say it.

Their mean and deviation are of all grey levels, and no pixel is mended: rare grey levels make a difference. They know
no median: so that is a constant, its mean over images that the network learned from.

Source: the specification of bioimage.io models 0.5, `preprocessing`.
Note: bioimageio.core takes percentiles, means and deviations of the image as it comes, before the first step. So only
one step can have such numbers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from cellprune.images.network_input import network_size
from cellprune.images.read import resize_image
from cellprune.lab.engine import Floats
from cellprune.runs.modelcard import ModelCard

_EPS = 1e-6  # which the specification adds to what it divides by
_BETWEEN = 4.0  # deviations between the percentiles, as in `images.network_input`
_ALONE = {"axes": ["y", "x"], "eps": _EPS}  # each channel, as in `images.network_input`


@dataclass(frozen=True)
class Step:
    """A step of bioimage.io's: its name there, and its arguments."""

    id: str
    kwargs: Mapping[str, object]


def steps(card: ModelCard, learned: Sequence[Floats]) -> tuple[Step, ...]:
    """Say a network's normalization in steps of bioimage.io.

    Args:
        card: of the network.
        learned: (C, H, W) float32 native images that it learned from, or others like those to come.
    Returns:
        Nothing where the median would be of images, and there are none.
    """
    normalization = card.normalization
    limit = Step("clip", {"min": -normalization.limit, "max": normalization.limit})
    unit = Step("zero_mean_unit_variance", _ALONE)
    if normalization.name == "zero-mean-unit-variance":
        return (unit,)
    if normalization.name == "zero-mean-unit-variance-within-percentiles":
        return unit, limit
    if not learned:
        return ()
    low, high = normalization.percentiles
    scale = Step("scale_range", {**_ALONE, "min_percentile": low, "max_percentile": high})
    scaled = [processed(at_network_size(image, card), [scale]) for image in learned]
    centre = np.mean([np.median(image, axis=(1, 2)) for image in scaled], axis=0)
    line = {"axis": "channel", "gain": [_BETWEEN] * card.in_channels, "offset": (-_BETWEEN * centre).tolist()}
    return scale, Step("scale_linear", line), limit


def processed(image: Floats, steps: Sequence[Step]) -> Floats:
    """Do what the steps say.

    Args:
        image: (C, H, W) float32 of the network's pixel size.
        steps: of `steps`.
    Returns:
        (C, H, W) float32; the image itself where there are no steps.
    """
    values = image.astype(np.float64)
    for step in steps:
        numbers = cast(Mapping[str, float], step.kwargs)
        if step.id == "scale_range":
            percentiles = numbers["min_percentile"], numbers["max_percentile"]
            low, high = np.percentile(values, percentiles, axis=(1, 2), keepdims=True)
            values = (values - low) / (high - low + _EPS)
        elif step.id == "scale_linear":
            gain, offset = (np.reshape(numbers[name], (-1, 1, 1)) for name in ("gain", "offset"))
            values = gain * values + offset
        elif step.id == "clip":
            values = values.clip(numbers["min"], numbers["max"])
        else:
            mean, std = values.mean((1, 2), keepdims=True), values.std((1, 2), keepdims=True)
            values = (values - mean) / (std + _EPS)
    return values.astype(np.float32)


def at_network_size(image: Floats, card: ModelCard) -> Floats:
    """Give a native image in the pixel size that the network sees."""
    return resize_image(image, network_size((image.shape[1], image.shape[2]), card.zoom))
