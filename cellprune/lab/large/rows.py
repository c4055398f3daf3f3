"""The table's rows of a large image: its cells are measured window by window, each whole in one of them."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cellprune.images.boxes import around
from cellprune.lab.cells import Row, cells
from cellprune.lab.large.labelled import Boxes, Labelled
from cellprune.lab.shapes import Cutout
from cellprune.targets.kinds import Box

_ROWS_PX, _COLUMNS_PX = 512, 1024  # of a window, but for how far its cells reach beyond it
_LONG_PX = 512  # a longer cell is measured alone


def rows(
    labelled: Labelled,
    boxes: Boxes,
    levels: Callable[[Box], NDArray],
    *,
    image: str,
    frame: int,
    pixel_size_um: tuple[float, float] | None,
) -> Iterator[Row]:
    """Give what `lab.cells.cells` gives of the whole image, in the same order.

    Args:
        labelled: its labels.
        boxes: around its cells.
        levels: gives a box of the grey levels as they are saved, (C, h, w).
        image, frame, pixel_size_um: see there.
    """
    for group in _groups(labelled, boxes):
        found: list[Row] = []
        for numbers in _windows(group, boxes):
            box = _around(numbers, boxes, labelled)
            labels = labelled.labels(box)
            place = np.searchsorted(numbers, labels).clip(max=len(numbers) - 1)
            own = np.where(numbers[place] == labels, place + 1, 0).astype(np.uint32)
            class_of = ["background", *(labelled.class_of[number] for number in numbers)]
            cutout = Cutout(box[0].start, box[1].start, labelled.size, np.array([0, *numbers]))
            found += cells(
                own, class_of, levels(box), image=image, frame=frame, pixel_size_um=pixel_size_um, cutout=cutout
            )
        yield from sorted(found, key=lambda row: int(str(row["label"])))


def _groups(labelled: Labelled, boxes: Boxes) -> Iterator[NDArray[np.intp]]:
    """Give runs of numbers whose cells begin in one band: they are numbered by class, then row by row."""
    n = len(labelled.class_of)
    if n < 2:
        return
    is_other_class = np.array([one != other for one, other in pairwise(labelled.class_of[1:])], bool)
    ends = np.flatnonzero((np.diff(boxes.tops[1:] // _ROWS_PX) != 0) | is_other_class) + 1
    yield from np.split(np.arange(1, n), ends)


def _windows(numbers: NDArray[np.intp], boxes: Boxes) -> Iterator[NDArray[np.intp]]:
    """Share out the cells of a band: those that lie together, and each long one."""
    heights = boxes.bottoms[numbers] - boxes.tops[numbers]
    is_long = np.maximum(heights, boxes.rights[numbers] - boxes.lefts[numbers]) > _LONG_PX
    short = numbers[~is_long]
    columns = boxes.lefts[short] // _COLUMNS_PX
    yield from (short[columns == column] for column in np.unique(columns))
    yield from (np.array([number]) for number in numbers[is_long])


def _around(numbers: NDArray[np.intp], boxes: Boxes, labelled: Labelled) -> Box:
    tight = (
        slice(int(boxes.tops[numbers].min()), int(boxes.bottoms[numbers].max())),
        slice(int(boxes.lefts[numbers].min()), int(boxes.rights[numbers].max())),
    )
    return around(tight, 1, labelled.size)[0]
