"""The worst places of all images: merged cells first, then missed, split and extra ones."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cellprune.report.marked.faults import Fault
from cellprune.report.marked.image import Box, ImageCells
from cellprune.report.marked.looks import LOOKS

_MOST = 8
_LEAST_SIDE_PX = 40  # of the part that is enlarged, in native pixels
_MARGIN = 1.6  # times the cells of the error, so that their neighbours are seen


class CloseUp(NamedTuple):
    """An error in an image, the box that its cells fill, and a square around them that ends where the image does."""

    image: ImageCells
    fault: Fault
    cells: Box
    box: Box


def worst(images: Sequence[ImageCells]) -> list[CloseUp]:
    """Choose the places to enlarge: a fair share of each kind of error, and none that is shown already."""
    chosen: list[CloseUp] = []
    for most_of_each in (_MOST // len(LOOKS), _MOST):
        for error in LOOKS:
            n_so_far = sum(closeup.fault.error == error for closeup in chosen)
            for closeup in _of_kind(error, images):
                if len(chosen) == _MOST or n_so_far == most_of_each:
                    break
                if not any(_shows(other, closeup) for other in chosen):
                    chosen.append(closeup)
                    n_so_far += 1
    order = list(LOOKS)
    return sorted(chosen, key=lambda closeup: order.index(closeup.fault.error))  # stable: the worst of each kind first


def _of_kind(error: str, images: Sequence[ImageCells]) -> Iterator[CloseUp]:
    """Give the errors of a kind, the worst first, each with the part of the image to enlarge."""
    all_of_it = [(fault, image) for image in images for fault in image.faults if fault.error == error]
    for fault, image in sorted(all_of_it, key=lambda one: one[0].severity, reverse=True):
        cells = _cells(image, fault)
        yield CloseUp(image, fault, cells, _around(image, cells))


def _around(image: ImageCells, cells: Box) -> Box:
    """Give a square around the cells of an error, moved into the image."""
    rows, columns = cells
    side = round(max(_LEAST_SIDE_PX, _MARGIN * max(rows.stop - rows.start, columns.stop - columns.start)))
    return _moved(rows, side, image.shape[0]), _moved(columns, side, image.shape[1])


def _cells(image: ImageCells, fault: Fault) -> Box:
    own = [image.truth.boxes[label] for label in fault.true] + [image.found.boxes[label] for label in fault.found]
    rows, columns = ([box[axis] for box in own] for axis in (0, 1))
    return _span(rows), _span(columns)


def _span(of: Sequence[slice]) -> slice:
    return slice(min(one.start for one in of), max(one.stop for one in of))


def _moved(cells: slice, side: int, end: int) -> slice:
    side = min(side, end)
    start = min(max(0, (cells.start + cells.stop - side) // 2), end - side)
    return slice(start, start + side)


def _shows(other: CloseUp, closeup: CloseUp) -> bool:
    """Tell whether one close-up shows all cells of another one's error."""
    if other.image is not closeup.image:
        return False
    pairs = zip(other.box, closeup.cells, strict=True)
    return all(shown.start <= cells.start and cells.stop <= shown.stop for shown, cells in pairs)
