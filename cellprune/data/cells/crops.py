"""Square crops of frames: to learn at the frames' own scale, however large each of them is."""

import numpy as np

from cellprune.images.read import Floats, resize_image, resize_labels
from cellprune.targets.target import Encoded, unknown_in

Pair = tuple[Floats, Encoded]


def cut(image: Floats, target: Encoded, side: int, *, seed: int, most_zoom: float = 1.0) -> Pair:
    """Cut a square out of an image, and the same out of what is learned of it.

    Args:
        image: (C, h, w) float32.
        target: (h, w) uint8 of classes and 255, or (maps, h, w) float32 and NaN.
        side: of the square, px.
        seed: all that the place depends on; each place in the image is as likely.
        most_zoom: what is cut is enlarged by up to this factor, or made smaller by it; 1 leaves it as it is.
    Returns:
        Both of (..., side, side). Where the image ends it is mirrored, as a network mirrors it, and the target is
        unknown: 255 or NaN.
    """
    draw = np.random.default_rng(seed)
    zoom = most_zoom ** draw.uniform(-1, 1)
    window = max(1, round(side / zoom))
    lacking = [max(0, window - have) for have in image.shape[1:]]
    first = [int(draw.integers(0, max(0, have - window) + 1)) for have in image.shape[1:]]
    within = (..., *(slice(start, start + window) for start in first))
    around = [(n // 2, n - n // 2) for n in lacking]
    cropped, learned = image[within], target[within]
    if any(lacking):
        cropped = np.pad(cropped, [(0, 0), *around], mode="reflect")
        outer = [(0, 0)] * (learned.ndim - 2)
        learned = np.pad(learned, [*outer, *around], constant_values=unknown_in(learned))
    return resize_image(cropped, (side, side)), resize_labels(learned, (side, side))
