"""One mask a cell: a folder of images for each image, in which what is not 0 is the cell."""

from collections.abc import Sequence
from pathlib import Path

from cellprune.data.annotations.canvas import AnnotationError, Canvas, Drawn
from cellprune.images.read import read_header, read_labels


def read(masks: Sequence[Path], size: tuple[int, int]) -> Drawn:
    """Draw every mask.

    Args:
        masks: the files.
        size: (height, width) of the image.
    Raises:
        AnnotationError: a mask of another size.
        ImageError: a mask that cannot be read.
    """
    canvas = Canvas(size)
    for path in masks:
        if (own := read_header(path).size) != size:
            raise AnnotationError(
                f"{path} is {own[0]} x {own[1]} pixels, but its image {size[0]} x {size[1]}: masks have its size"
            )
        canvas.paint(read_labels(path) > 0)
    return canvas.drawn()
