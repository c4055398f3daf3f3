"""Square crops of frames: to learn at the frames' own scale, however large each of them is."""

import numpy as np

from cellprune.images.read import Floats, resize_image, resize_labels
from cellprune.targets.kinds import Encoded, unknown_in

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
    first = [int(draw.integers(0, max(0, have - window) + 1)) for have in image.shape[1:]]
    rows, columns = (slice(start, start + window) for start in first)
    cropped, learned = image[:, rows, columns], target[..., rows, columns]
    if cropped.shape[1:] != (window, window):
        cropped, learned = _surrounded(cropped, learned, window)
    resized: Encoded = resize_labels(learned, (side, side))
    return resize_image(cropped, (side, side)), resized


def _surrounded(image: Floats, target: Encoded, side: int) -> Pair:
    """Mirror an image on all sides until it is a square; nothing is known there."""
    lacking = [side - have for have in image.shape[1:]]
    mirrored = np.pad(image, [(0, 0), *((n // 2, n - n // 2) for n in lacking)], mode="reflect")
    known = np.full((*target.shape[:-2], side, side), unknown_in(target), target.dtype)
    rows, columns = (slice(n // 2, n // 2 + have) for n, have in zip(lacking, image.shape[1:], strict=True))
    known[..., rows, columns] = target
    return mirrored, known
