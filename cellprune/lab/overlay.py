"""The image with the outline of every cell on it, as a PNG that any viewer opens.

Colours are from Okabe and Ito's palette (jfly.uni-koeln.de/color), which colour-blind readers tell apart; neighbours in
number differ, so that one cell is seen from the next.
"""

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cellprune.images.read import resize_labels
from cellprune.lab.engine import Floats
from cellprune.lab.lettering import with_numbers, with_scale_bar

LONGEST_PX = 2048  # of the picture's longer side; what is larger is shown smaller
_PNG_LEVEL = 1  # of 9: a quarter of the time of level 6, for a file 8 % larger
_COLOURS = np.array(
    [(230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (213, 94, 0), (204, 121, 167)], np.uint8
)


def overlay_png(
    image: Floats,
    labels: NDArray[np.unsignedinteger],
    *,
    pixel_size_um: tuple[float, float] | None = None,
    numbers: bool = False,
) -> bytes:
    """Draw the outlines of the cells on their image.

    Args:
        image: (C, H, W) float32; three channels are shown in colour, else the mean in grey; contrast is stretched, of
            all colours alike.
        labels: (H, W), 0 is background.
        pixel_size_um: (y, x) of the image's pixels, for a scale bar; None draws none.
        numbers: whether the number of each cell is written into it.
    Returns:
        A PNG, RGB, of the image's size, or smaller where that is longer than `LONGEST_PX`.
    """
    shown = image if len(image) == 3 else image.mean(0, keepdims=True, dtype=np.float32)
    step = -(-max(labels.shape) // LONGEST_PX)
    size = (-(-labels.shape[0] // step), -(-labels.shape[1] // step))
    picture = np.repeat(_stretched(_shrunk(shown, step)), 3 // len(shown), axis=0).transpose(1, 2, 0).copy()
    small = resize_labels(labels, size)
    line = 1 if max(size) < 400 else 2
    inside = ndimage.grey_erosion(small, size=2 * line + 1, mode="nearest")
    # a cell's outline lies within it: where its smallest neighbour is another number, or nothing
    edge = (small > 0) & (
        (inside != small) | (ndimage.grey_dilation(small, size=2 * line + 1, mode="nearest") != small)
    )
    picture[edge] = _COLOURS[small[edge] % len(_COLOURS)]
    if numbers:
        picture = with_numbers(picture, small)
    if pixel_size_um is not None:
        picture = with_scale_bar(picture, pixel_size_um[1] * labels.shape[1] / size[1])
    return bytes(imagecodecs.png_encode(picture, level=_PNG_LEVEL))


def _shrunk(image: Floats, step: int) -> Floats:
    """Take the mean of blocks of `step` x `step` pixels; a block at the edge may be cut."""
    if step == 1:
        return image
    rows, columns = (np.arange(0, side, step) for side in image.shape[1:])
    sums = np.add.reduceat(np.add.reduceat(image, rows, axis=1), columns, axis=2)
    n_rows, n_columns = (
        np.diff([*starts, side]) for starts, side in zip((rows, columns), image.shape[1:], strict=True)
    )
    return (sums / np.outer(n_rows, n_columns)).astype(np.float32)


def _stretched(image: Floats) -> NDArray[np.uint8]:
    """Cut off the darkest and brightest half percent, of all channels together: else a stain would change its colour.

    A constant image becomes black.
    """
    low, high = np.percentile(image, [0.5, 99.5])
    return (255 * np.clip((image - low) / (high - low if high > low else 1), 0, 1)).astype(np.uint8)
