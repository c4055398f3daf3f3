"""What is written on an overlay: a scale bar, and the number of each cell."""

import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

if TYPE_CHECKING:
    from PIL import ImageFont

_LEAST_PX = 64  # a picture narrower than this has no room for a scale bar
_BAR_SHARE = 0.25  # of the picture's width, at most
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)

Picture = NDArray[np.uint8]


def with_scale_bar(picture: Picture, pixel_size_um: float) -> Picture:
    """Draw a scale bar of a round length, with its length in words, at the lower right.

    Args:
        picture: (H, W, 3) uint8; one narrower or lower than 64 px is given back as it is.
        pixel_size_um: width of one of its pixels.
    """
    height, width = picture.shape[:2]
    if min(height, width) < _LEAST_PX:
        return picture
    length_um = round_length(_BAR_SHARE * width * pixel_size_um)
    bar_px, thick = max(1, round(length_um / pixel_size_um)), max(3, height // 120)
    from PIL import Image, ImageDraw

    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    margin = max(6, min(height, width) // 40)
    right, bottom = width - margin, height - margin
    draw.rectangle((right - bar_px, bottom - thick, right - 1, bottom - 1), fill=_WHITE, outline=_BLACK)
    font = _font(max(10, min(height, width) // 28))
    where = (right - bar_px / 2, bottom - thick - 2)
    draw.text(where, _length(length_um), fill=_WHITE, font=font, anchor="mb", stroke_width=1, stroke_fill=_BLACK)
    return np.asarray(image)


def with_numbers(picture: Picture, labels: NDArray[np.unsignedinteger]) -> Picture:
    """Write the number of each cell into it, at its pixel nearest to its centre; at an edge, as near as it fits.

    Args:
        picture: (H, W, 3) uint8.
        labels: (H, W), 0 is background.
    """
    from PIL import Image, ImageDraw

    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    font = _font(max(9, min(labels.shape) // 50))
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:  # lost where the picture is smaller than the image
            continue
        rows, columns = np.nonzero(labels[box] == number)
        nearest = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
        x, y = columns[nearest] + box[1].start, rows[nearest] + box[0].start
        left, top, right, bottom = draw.textbbox((x, y), str(number), font=font, anchor="mm", stroke_width=1)
        where = (x + _back(left, right, image.width), y + _back(top, bottom, image.height))
        draw.text(where, str(number), fill=_WHITE, font=font, anchor="mm", stroke_width=1, stroke_fill=_BLACK)
    return np.asarray(image)


def _back(start: float, end: float, side: int) -> float:
    """Give how far a text must move to lie within a picture; where it cannot, its start does."""
    return max(-start, min(0, side - end))


def round_length(most: float) -> float:
    """Give the largest of ..., 0.1, 0.2, 0.5, 1, 2, 5, 10, ... that is not above a length."""
    power = 10.0 ** math.floor(math.log10(most))
    return next(step * power for step in (5, 2, 1) if step * power <= most * (1 + 1e-9))


def _length(um: float) -> str:
    return f"{um:g} um" if um < 1000 else f"{um / 1000:g} mm"


@cache
def _font(size_px: int) -> "ImageFont.FreeTypeFont | ImageFont.ImageFont":
    from PIL import ImageFont

    return ImageFont.load_default(size_px)
