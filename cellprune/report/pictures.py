"""A held-out image beside what the network found in it and what people drew, as one PNG.

Colours are from Okabe and Ito's palette (jfly.uni-koeln.de/color), which colour-blind readers tell apart: orange is
the truth, blue the prediction. Where both agree there is only a double outline; a filled patch is a mistake.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import imagecodecs
import numpy as np
from scipy import ndimage
from skimage.transform import resize

from cellprune.evaluation.iou import IGNORED, class_mean

TRUTH_COLOUR = (230, 159, 0)
PREDICTION_COLOUR = (86, 180, 233)
_UNKNOWN_COLOUR = (235, 235, 235)
_PANEL_PX = 520  # longer side of each of the two panels, whatever the image's size
_LINE_PX = 2
_GAP_PX = 8


def pick(images: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, float]]:
    """Choose the images that show the range of a network's results.

    Args:
        images: entries of scores.json; where they are scored at both sizes, the native one counts.
    Returns:
        (rank, id, IoU), rank "best", "median" (the lower one) and "worst", each another image; IoU is the mean over
        the image's classes. Fewer where fewer images have a score, none where none has.
    """
    size = "native" if any(image["size"] == "native" for image in images) else "256"
    scored = [(class_mean(image["classes"]), image["id"]) for image in images if image["size"] == size]
    ranked = sorted((value, name) for value, name in scored if value is not None)
    places = {(len(ranked) - 1) // 2: "median", 0: "worst", len(ranked) - 1: "best"}  # the later one wins a place
    return [(rank, ranked[k][1], ranked[k][0]) for k, rank in sorted(places.items(), reverse=True) if ranked]


def overlay_png(image: np.ndarray, prediction: np.ndarray, target: np.ndarray) -> bytes:
    """Draw an image, and beside it the same image with truth and prediction.

    Args:
        image: (H, W) float, 0..1; its contrast is stretched.
        prediction: (H, W) integer, 0 background, else cell.
        target: (H, W) uint8, 0 background, 255 unknown, else cell.
    Returns:
        A PNG, RGB: two panels of the same size beside each other.
    Raises:
        ValueError: the three differ in shape.
    """
    if not image.shape == prediction.shape == target.shape:
        raise ValueError(f"image {image.shape}, prediction {prediction.shape}, target {target.shape} differ in shape")
    zoom = _PANEL_PX / max(image.shape)
    shape = tuple(max(1, round(side * zoom)) for side in image.shape)
    grey = resize(_stretched(image), shape, order=1, anti_aliasing=zoom < 1)
    rows, columns = (np.arange(new) * old // new for new, old in zip(shape, image.shape, strict=True))
    nearest = np.ix_(rows, columns)
    # 64 shades look the same and take a quarter off the file
    plain = np.repeat((255 * grey).astype(np.uint8)[..., None] & 0xFC, 3, axis=2)
    marked = _marked(plain, prediction[nearest] > 0, target[nearest])
    gap = np.full((shape[0], _GAP_PX, 3), 255, np.uint8)
    return bytes(imagecodecs.png_encode(np.concatenate([plain, gap, marked], axis=1), level=7))


def _stretched(image: np.ndarray) -> np.ndarray:
    """The image with its darkest and brightest half percent cut off, in 0..1; a constant one becomes grey."""
    finite = np.nan_to_num(image.astype(np.float32), posinf=1, neginf=0)
    low, high = np.percentile(finite, [0.5, 99.5])
    if high <= low:
        return np.full(finite.shape, 0.5, np.float32)
    return np.clip((finite - low) / (high - low), 0, 1)


def _marked(plain: np.ndarray, found: np.ndarray, target: np.ndarray) -> np.ndarray:
    unknown = target == IGNORED
    cells = (target > 0) & ~unknown
    marked = plain.astype(np.float32)
    _paint(marked, cells & ~found, TRUTH_COLOUR, 0.45)
    _paint(marked, found & ~cells & ~unknown, PREDICTION_COLOUR, 0.45)
    row, column = np.indices(unknown.shape)
    _paint(marked, unknown & ((row + column) % 10 < 3), _UNKNOWN_COLOUR, 0.75)
    # the truth's line inside its edge and the prediction's outside: where they agree, both stay visible
    _paint(marked, cells & ~ndimage.binary_erosion(cells, iterations=_LINE_PX, border_value=1), TRUTH_COLOUR, 1)
    _paint(marked, ndimage.binary_dilation(found, iterations=_LINE_PX) & ~found, PREDICTION_COLOUR, 1)
    return marked.round().astype(np.uint8)


def _paint(picture: np.ndarray, where: np.ndarray, colour: tuple[int, int, int], opacity: float) -> None:
    picture[where] = (1 - opacity) * picture[where] + opacity * np.array(colour, np.float32)
