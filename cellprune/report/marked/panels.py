"""A part of an image, and beside it the same part with its cells.

Found cells have an outline, true cells a thin one, and each cell with an error has a mark of the shape and colour that
`looks` gives the error. What does not count is grey: cells, and the edge of the field of interest. Where the truth is
unknown the image is hatched, and nothing is marked.
"""

from copy import deepcopy

import numpy as np
from scipy import ndimage
from skimage.measure import find_contours

from cellprune.report.marked.canvas import Canvas, Flags, Points
from cellprune.report.marked.faults import Fault
from cellprune.report.marked.image import Box, ImageCells, Located
from cellprune.report.marked.looks import FOUND, HALO, LOOKS, TRUE, UNJUDGED, UNKNOWN, Colour

_GAP_PX = 8  # between the panels
_TRUE_PX, _FOUND_PX, _FAULT_PX, _HALO_PX = 1, 3, 3, 5  # width of lines
_MARK_PX = 6  # radius
_FIELD_DASH_PX = (3, 5)
_COLOURS = [TRUE, FOUND, UNJUDGED, UNKNOWN, HALO, *(look.colour for look in LOOKS.values())]


def panels(image: ImageCells, box: Box, *, longest_px: int) -> bytes:
    """Draw a part of an image twice, the second time with its cells.

    Args:
        image: with its cells.
        box: rows and columns of the part.
        longest_px: the longer side of each panel.
    Returns:
        A PNG in few colours.
    """
    shown = image.shown[:, *box]
    height, width = shown.shape[1:]
    zoom = longest_px / max(height, width)
    size = (max(1, round(height * zoom)), max(1, round(width * zoom)))
    plain = Canvas(shown, size, _COLOURS)
    marked = deepcopy(plain)
    _Pencil(image, box, marked, size).draw()
    return plain.beside(marked, _GAP_PX)


class _Pencil:
    """Draws the cells of one part of an image."""

    def __init__(self, image: ImageCells, box: Box, canvas: Canvas, size: tuple[int, int]) -> None:
        self._image, self._box, self._canvas = image, box, canvas
        n_px = [part.stop - part.start for part in box]
        self._corner, self._zoom = np.array([part.start for part in box]), np.array(size) / n_px
        nearest = np.ix_(*(np.arange(new) * old // new for new, old in zip(size, n_px, strict=True)))
        self._ignored: Flags = image.ignored[box][nearest]

    def draw(self) -> None:
        """Draw everything, what matters most last."""
        self._canvas.hatch(self._ignored, UNKNOWN)
        self._draw_field()
        self._draw_cells()
        for fault in reversed(self._image.faults):
            self._outline_fault(fault)
        for fault in self._image.faults:
            self._mark(fault)

    def _draw_field(self) -> None:
        band_px, (height, width) = self._image.field_of_interest_px, self._image.shape
        if 0 < 2 * band_px < min(height, width):
            top, left, bottom, right = (edge - 0.5 for edge in (band_px, band_px, height - band_px, width - band_px))
            corners = np.array([(top, left), (top, right), (bottom, right), (bottom, left), (top, left)])
            self._canvas.line(self._placed(corners), UNJUDGED, 1, _FIELD_DASH_PX)

    def _draw_cells(self) -> None:
        """Outline all cells but missed ones, which have a line of their own."""
        image, judged = self._image, self._image.judged
        true, found = set(judged.true.numbers.tolist()), set(judged.found.numbers.tolist())
        missed = set(judged.true.numbers[judged.missed].tolist())
        for label in image.found.boxes:
            if label in found:
                self._outline(image.found, label, FOUND, _FOUND_PX)
            else:
                self._outline(image.found, label, UNJUDGED, _TRUE_PX)
        for label in image.truth.boxes:
            if label not in missed:
                self._outline(image.truth, label, TRUE if label in true else UNJUDGED, _TRUE_PX)

    def _outline_fault(self, fault: Fault) -> None:
        """Outline what was found wrongly, or a missed cell itself."""
        look = LOOKS[fault.error]
        cells, own = (self._image.truth, fault.true) if fault.error == "missed" else (self._image.found, fault.found)
        for label in own:
            self._outline(cells, label, HALO, _HALO_PX)
            self._outline(cells, label, look.colour, _FAULT_PX, look.dash_px)

    def _mark(self, fault: Fault) -> None:
        """Mark each cell that is counted, at its pixel farthest from its edge; of known pixels only."""
        cells, look = self._image.found if fault.error == "extra" else self._image.truth, LOOKS[fault.error]
        for label in fault.marked:
            around = cells.boxes[label]
            if not self._is_here(around):
                continue
            inside = np.pad((cells.labels[around] == label) & ~self._image.ignored[around], 1)
            deepest = np.array(np.unravel_index(ndimage.distance_transform_edt(inside).argmax(), inside.shape))
            row, column = self._placed(deepest - 1.0 + [part.start for part in around])
            self._canvas.shape((row, column), look.shape, _MARK_PX, look.colour, TRUE)

    def _outline(
        self, cells: Located, label: int, colour: Colour, width_px: int, dash_px: tuple[int, int] | None = None
    ) -> None:
        """Draw the outline of a cell, where it is in this part and nothing is ignored."""
        around = cells.boxes[label]
        if not self._is_here(around):
            return
        for contour in find_contours(np.pad(cells.labels[around] == label, 1), 0.5):
            points = self._placed(contour - 1 + [part.start for part in around])
            self._canvas.line(points, colour, width_px, dash_px, only=None if colour == UNJUDGED else ~self._ignored)

    def _is_here(self, around: Box) -> bool:
        return all(own.start < part.stop and own.stop > part.start for own, part in zip(around, self._box, strict=True))

    def _placed(self, points: Points) -> Points:
        """Give points of the image, (row, column) in its pixels, in pixels of the picture."""
        return (points - self._corner + 0.5) * self._zoom - 0.5
