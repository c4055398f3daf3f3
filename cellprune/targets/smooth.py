"""A map at native size, smoothed: exactly where it is asked for, and but for rounding as a whole, in less time."""

from dataclasses import dataclass

import numpy as np

from cellprune.targets.kinds import Box, Maps
from cellprune.targets.native import ROUNDING, Native
from cellprune.targets.neighbours import grown

_DEVIATIONS = 4  # so far a Gaussian of SciPy looks


def smooth(values: Maps, deviation_px: float) -> Maps:
    """Smooth a map by a Gaussian; beyond its edges it is mirrored."""
    from scipy import ndimage

    smoothed: Maps = ndimage.gaussian_filter(values, deviation_px)
    return smoothed


def reach_px(deviation_px: float) -> int:
    """Give how far a pixel reaches."""
    return int(_DEVIATIONS * deviation_px + 0.5)


@dataclass(frozen=True)
class Smooth:
    """A map that is smoothed, of which [box] gives a box, as `smooth` of the whole map has it there.

    Attributes:
        native: the map.
        deviation_px: of the Gaussian.
    """

    native: Native
    deviation_px: float

    def __getitem__(self, box: Box) -> Maps:
        """Give the box, (height, width) float32."""
        wide = grown(box, reach_px(self.deviation_px), self.native.size)
        top, left = (side.start - around.start for side, around in zip(box, wide, strict=True))
        smoothed = smooth(self.native[wide], self.deviation_px)[top:, left:]
        return smoothed[: box[0].stop - box[0].start, : box[1].stop - box[1].start]

    @property
    def rounding(self) -> float:
        """Give by how much `nearly` may be wrong, as a share of the largest value."""
        return float(ROUNDING) * (1 + reach_px(self.deviation_px) / 4)

    def nearly(self) -> Maps:
        """Give all of it but for rounding."""
        places = np.arange(reach_px(self.deviation_px) + 1)
        weights = np.exp(-0.5 * (places / (self.deviation_px or 1)) ** 2)
        return self.native.nearly((weights / (2 * weights.sum() - 1)).astype(np.float32))
