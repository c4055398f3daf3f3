"""What a simulated microscope makes of a scene: contrast, uneven light, debris, noise.

Phase contrast shows thickness minus its blur: dark rims, a bright halo outside, interiors about as grey as the
background. DIC shows the slope of the thickness in one direction: one side of a cell bright, the other dark. Neither
leaves a grey level that means "cell".
"""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from cellprune.data.simulated.cells import Scene

Optics = Literal["phase", "dic"]
OPTICS: tuple[Optics, ...] = get_args(Optics)

_HALO_PX = 4.5
_GREY, _CONTRAST = 118.0, 62.0  # of 8 bit: the mean background, and one unit of signal


class Microscope:
    """One recording's optics: its light and its debris stay as they are from frame to frame, its noise does not."""

    def __init__(self, rng: np.random.Generator, size: tuple[int, int], optics: Optics) -> None:
        self._rng = rng
        self._optics = optics
        self._light = _uneven_light(rng, size)
        self._debris = _debris(rng, size)

    def image(self, scene: Scene) -> NDArray[np.uint8]:
        """Take a picture: (H, W) uint8."""
        size = scene.labels.shape
        grain = gaussian_filter(self._rng.normal(0, 1, size), 1.2)
        inside = gaussian_filter((scene.depth > 0).astype(np.float64), 1.0)
        thickness = scene.thickness + self._debris + 0.6 * grain * inside
        signal = _phase(thickness) if self._optics == "phase" else _dic(thickness)
        shot = gaussian_filter(self._rng.normal(0, 1, size), 0.5)
        picture = _GREY + _CONTRAST * (signal + self._light + 0.13 * shot)
        return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def _phase(thickness: NDArray[np.float64]) -> NDArray[np.float64]:
    sharp = gaussian_filter(thickness, 0.7)
    return 1.7 * (gaussian_filter(thickness, _HALO_PX, mode="nearest") - sharp)


def _dic(thickness: NDArray[np.float64]) -> NDArray[np.float64]:
    down, right = np.gradient(gaussian_filter(thickness, 1.2))
    return 2.4 * (down + right)


def _uneven_light(rng: np.random.Generator, size: tuple[int, int]) -> NDArray[np.float64]:
    """A slope across the field, and clouds about as large as cells."""
    rows, columns = np.meshgrid(*(np.linspace(-1, 1, n) for n in size), indexing="ij")
    slope = rng.uniform(-0.35, 0.35, 2)
    clouds = gaussian_filter(rng.normal(0, 1, size), 14, mode="nearest")
    return slope[0] * rows + slope[1] * columns - 0.15 * (rows**2 + columns**2) + 0.16 * clouds / clouds.std()


def _debris(rng: np.random.Generator, size: tuple[int, int]) -> NDArray[np.float64]:
    """Specks on the glass: thick like cells, but much smaller."""
    field = np.zeros(size)
    for _ in range(max(4, size[0] * size[1] // 2500)):
        row, column = rng.random(2) * size
        radius, height = rng.uniform(0.8, 2.5), rng.uniform(-0.8, 1.2)
        rows, columns = np.ogrid[: size[0], : size[1]]
        field += height * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * radius**2))
    return field
