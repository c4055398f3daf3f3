"""Mean and deviation of each channel over the training part, by which every image is normalized."""

from dataclasses import dataclass

import numpy as np

from cellprune.data.labelled.pictures import Arrays
from cellprune.data.labelled.sets import Indices, Labelled
from cellprune.data.labelled.views import middle

_MEASURED = 2048  # images that are read for it, where they are not in memory


@dataclass(frozen=True)
class Normalization:
    """Mean and standard deviation of each channel, of values in 0..1."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]


def normalization(dataset: Labelled, training: Indices) -> Normalization:
    """Measure the channels, exactly: from counts of values.

    Over the whole training part where it is in memory as it is shown, else over some images evenly spread in it.
    """
    pictures, height_width = dataset.pictures, dataset.size
    if isinstance(pictures, Arrays) and pictures.size(0) == height_width:
        n_pixels = training.size * height_width[0] * height_width[1]
        counts = [
            np.bincount(pictures.pixels[training, channel].ravel(), minlength=256)
            for channel in range(pictures.channels)
        ]
    else:
        some = training[:: -(-len(training) // _MEASURED)]
        n_pixels = some.size * height_width[0] * height_width[1]
        counts = [np.zeros(256, np.int64) for _ in range(pictures.channels)]
        for index in some.tolist():
            shown = middle(pictures.read(index), height_width)
            for channel, count in enumerate(counts):
                count += np.bincount(shown[..., channel].ravel(), minlength=256)
    values = np.arange(256) / 255
    means, deviations = [], []
    for count in counts:
        share = count / n_pixels
        means.append(float(share @ values))
        deviations.append(float(np.sqrt(share @ (values - means[-1]) ** 2)) or 1.0)
    return Normalization(tuple(means), tuple(deviations))
