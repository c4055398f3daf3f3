"""The image with the outline of every cell on it, as a PNG that any viewer opens.

Colours are from Okabe and Ito's palette (jfly.uni-koeln.de/color), which colour-blind readers tell apart; neighbours in
number differ, so that one cell is seen from the next.
"""

from collections.abc import Callable

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from cellprune.images.boxes import bands
from cellprune.lab.engine import Floats
from cellprune.lab.lettering import with_numbers, with_scale_bar
from cellprune.targets.kinds import Box, Extent
from cellprune.targets.neighbours import BESIDE

LONGEST_PX = 2048  # of the picture's longer side; what is larger is shown smaller
# level 1 of 9, and no filter, which a noisy image has nothing of: an eighth of the usual time, for a file no larger
_PNG = {"level": imagecodecs.PNG.COMPRESSION.SPEED, "filter": imagecodecs.PNG.FILTER.NONE}
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
    whole = (labels.shape[0], labels.shape[1])
    return overlay_png_of_parts(
        lambda box: image[:, *box], lambda box: labels[box], whole, pixel_size_um=pixel_size_um, numbers=numbers
    )


def overlay_png_of_parts(
    image: Callable[[Box], Floats],
    labels: Callable[[Box], NDArray[np.unsignedinteger]],
    whole: Extent,
    *,
    pixel_size_um: tuple[float, float] | None = None,
    numbers: bool = False,
) -> bytes:
    """Draw what `overlay_png` draws, of an image and labels that give a box at a time.

    Args:
        image, labels: of the image's size; see there.
        whole: (height, width).
        pixel_size_um, numbers: see there.
    """
    step = -(-max(whole) // LONGEST_PX)
    size = (-(-whole[0] // step), -(-whole[1] // step))
    shrunk, picked = [], []
    middles = [(2 * np.arange(new) + 1) * old // (2 * new) for new, old in zip(size, whole, strict=True)]
    for rows, columns in bands(whole, multiple=step):
        part = image((rows, columns))
        shrunk.append(_shrunk(part if len(part) in (1, 3) else part.mean(0, keepdims=True, dtype=np.float32), step))
        of_rows = middles[0][(middles[0] >= rows.start) & (middles[0] < rows.stop)]
        picked.append(labels((rows, columns))[of_rows[:, None] - rows.start, middles[1]])
    levels, small = _stretched(np.concatenate(shrunk, axis=1)), np.concatenate(picked)
    picture = np.empty((*size, 3), np.uint8)
    for channel in range(3):  # one by one: a tenth of the time of all at once
        picture[..., channel] = levels[channel % len(levels)]
    edge = _outlines(small, 1 if max(size) < 400 else 2)
    picture[edge] = _COLOURS[small[edge] % len(_COLOURS)]
    if numbers:
        picture = with_numbers(picture, small)
    if pixel_size_um is not None:
        picture = with_scale_bar(picture, pixel_size_um[1] * whole[1] / size[1])
    return bytes(imagecodecs.png_encode(picture, **_PNG))


def _outlines(labels: NDArray[np.unsignedinteger], line_px: int) -> NDArray[np.bool_]:
    """Tell which pixels of cells have another number, or none, within so many: an outline lies within its cell."""
    near = np.zeros(labels.shape, bool)
    for here, there in BESIDE:
        differs = labels[here] != labels[there]
        near[here] |= differs
        near[there] |= differs
    for _ in range(line_px - 1):
        inner = near.copy()
        for here, there in BESIDE:
            near[here] |= inner[there]
            near[there] |= inner[here]
    return near & (labels > 0)


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
    grey = image - low
    grey /= high - low if high > low else 1
    np.clip(grey, 0, 1, out=grey)
    grey *= 255
    return grey.astype(np.uint8)
