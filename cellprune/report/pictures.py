"""A held-out image of several classes beside what the network found in it and what people drew, as one PNG.

Colours are from Okabe and Ito's palette (jfly.uni-koeln.de/color), which colour-blind readers tell apart: orange is
the truth, blue the prediction. Where both agree there is only a double outline; a filled patch is a mistake, and one
that is filled with both a cell of another class.
"""

from collections.abc import Iterator, Sequence

import imagecodecs
import numpy as np
from scipy import ndimage
from skimage.transform import resize

from cellprune.evaluation.iou import IGNORED, ScoredImage, class_mean

TRUTH_COLOUR = (230, 159, 0)
PREDICTION_COLOUR = (86, 180, 233)
_UNKNOWN_COLOUR = (235, 235, 235)
_PANEL_PX = 520  # longer side of each of the two panels, whatever the image's size
_LINE_PX = 2
_GAP_PX = 8


def pick(images: Sequence[ScoredImage]) -> list[tuple[str, str, float]]:
    """Choose the images that show the range of a network's results.

    Args:
        images: where they are scored at both sizes, the native one counts.
    Returns:
        (rank, id, IoU), rank "best", "median" (the lower one) and "worst", each another image; IoU is the mean over
        the image's classes. Fewer where fewer images have a score, none where none has.
    """
    size = "native" if any(image.size == "native" for image in images) else "network"
    return ranked([(class_mean(image.classes), image.id) for image in images if image.size == size])


def ranked(scored: Sequence[tuple[float | None, str]]) -> list[tuple[str, str, float]]:
    """Choose the best, the median and the worst of some images, each with its score and id, as `pick` does."""
    rising = sorted((value, name) for value, name in scored if value is not None)
    places = {(len(rising) - 1) // 2: "median", 0: "worst", len(rising) - 1: "best"}  # the later one wins a place
    return [(rank, rising[k][1], rising[k][0]) for k, rank in sorted(places.items(), reverse=True) if rising]


def overlay_png(image: np.ndarray, prediction: np.ndarray, target: np.ndarray) -> bytes:
    """Draw an image, and beside it the same image with truth and prediction.

    Args:
        image: (C, H, W) float, 0..1; its contrast is stretched. Three channels are red, green, blue; of any other
            number the mean is shown.
        prediction: (H, W) integer, 0 background, else a class of cells.
        target: (H, W) uint8, 0 background, 255 unknown, else a class of cells.
    Returns:
        A PNG, RGB: two panels of the same size beside each other.
    Raises:
        ValueError: the three differ in shape.
    """
    size = target.shape
    if not image.shape[1:] == prediction.shape == size:
        raise ValueError(f"image {image.shape}, prediction {prediction.shape}, target {size} differ in shape")
    zoom = _PANEL_PX / max(size)
    shape = tuple(max(1, round(side * zoom)) for side in size)
    shown = image if len(image) == 3 else image.mean(axis=0, keepdims=True)
    small = [resize(channel, shape, order=1, anti_aliasing=zoom < 1) for channel in stretched(shown)]
    rows, columns = (np.arange(new) * old // new for new, old in zip(shape, size, strict=True))
    nearest = np.ix_(rows, columns)
    # 64 shades look the same and take a quarter off the file
    plain = np.stack([(255 * channel).astype(np.uint8) & 0xFC for channel in small * (3 // len(small))], axis=2)
    marked = _marked(plain, prediction[nearest], target[nearest])
    gap = np.full((shape[0], _GAP_PX, 3), 255, np.uint8)
    return bytes(imagecodecs.png_encode(np.concatenate([plain, gap, marked], axis=1), level=7))


def stretched(image: np.ndarray) -> np.ndarray:
    """Cut off an image's darkest and brightest half percent and give it in 0..1; a constant one becomes grey."""
    finite = np.nan_to_num(image.astype(np.float32), posinf=1, neginf=0)
    low, high = np.percentile(finite, [0.5, 99.5])
    if high <= low:
        return np.full(finite.shape, 0.5, np.float32)
    return np.clip((finite - low) / (high - low), 0, 1)


def _marked(plain: np.ndarray, prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    unknown = target == IGNORED
    wrong = (prediction != target) & ~unknown
    marked = plain.astype(np.float32)
    _paint(marked, wrong & (target > 0), TRUTH_COLOUR, 0.45)
    _paint(marked, wrong & (prediction > 0), PREDICTION_COLOUR, 0.45)
    row, column = np.indices(unknown.shape)
    _paint(marked, unknown & ((row + column) % 10 < 3), _UNKNOWN_COLOUR, 0.75)
    # the truth's line inside its edge and the prediction's outside: where they agree, both stay visible
    for cells in _classes(np.where(unknown, 0, target)):
        _paint(marked, cells & ~ndimage.binary_erosion(cells, iterations=_LINE_PX, border_value=1), TRUTH_COLOUR, 1)
    for cells in _classes(prediction):
        _paint(marked, ndimage.binary_dilation(cells, iterations=_LINE_PX) & ~cells, PREDICTION_COLOUR, 1)
    return marked.round().astype(np.uint8)


def _classes(values: np.ndarray) -> Iterator[np.ndarray]:
    """Where each class of cells is, one after the other."""
    return (values == value for value in np.unique(values[values > 0]))


def _paint(picture: np.ndarray, where: np.ndarray, colour: tuple[int, int, int], opacity: float) -> None:
    picture[where] = (1 - opacity) * picture[where] + opacity * np.array(colour, np.float32)
