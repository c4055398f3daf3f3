"""Cells as polygons and back, exact to the pixel: outlines run along the borders of pixels, between whole numbers.

A pixel in row y and column x is the square from (y, x) to (y + 1, x + 1). A polygon covers the pixels whose centres it
surrounds, by the even-odd rule, as in ImageJ and QuPath; so an outline gives its mask back, holes and all.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Ring = NDArray[np.floating] | NDArray[np.integer]  # (n, 2): y and x of each corner, the last is joined to the first


@dataclass(frozen=True)
class Piece:
    """A part of a cell whose pixels hang together by their sides.

    Attributes:
        outline: clockwise as it is shown, no corner twice.
        holes: each the other way round; one may touch the outline, or another, in a corner.
    """

    outline: Ring
    holes: tuple[Ring, ...]

    @property
    def rings(self) -> tuple[Ring, ...]:
        """The outline and its holes."""
        return (self.outline, *self.holes)


def outlines(labels: NDArray[np.integer]) -> Iterator[tuple[int, list[Piece]]]:
    """Give each cell of a label image and its pieces.

    Args:
        labels: (H, W), 0 is background.
    Returns:
        By rising label; pieces that touch in a corner alone are several.
    """
    from scipy import ndimage

    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is not None:
            pieces = pieces_of(labels[box] == label)
            start = np.array([axis.start for axis in box])
            yield label, [Piece(one.outline + start, tuple(hole + start for hole in one.holes)) for one in pieces]


def pieces_of(mask: Mask) -> list[Piece]:
    """Give the pieces of one cell; none of an empty mask."""
    from scipy import ndimage

    numbered, n_pieces = ndimage.label(mask)
    made = []
    for number in range(1, n_pieces + 1):
        rings = list(_rings(numbered == number))
        (outline,) = [ring for ring in rings if _twice_area(ring) > 0]
        made.append(Piece(outline, tuple(ring for ring in rings if _twice_area(ring) < 0)))
    return made


def filled(rings: Iterable[Ring], size: tuple[int, int]) -> Mask:
    """Give the pixels whose centres lie within some rings, by the even-odd rule; what lies outside the image is cut.

    Polygons that share a side share no pixel, and leave none out.

    Args:
        rings: of one cell, with any corners.
        size: (height, width).
    """
    height, width = size
    borders = np.zeros((height, width + 1), np.int64)  # how many rings begin or end before each pixel of a row
    for ring in rings:
        corners = np.asarray(ring, np.float64)
        for (y0, x0), (y1, x1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            if y0 == y1:
                continue
            low, high = min(y0, y1), max(y0, y1)
            rows = np.arange(max(0, int(np.ceil(low - 0.5))), min(height, int(np.ceil(high - 0.5))))
            crossed = x0 + (rows + 0.5 - y0) * ((x1 - x0) / (y1 - y0))
            np.add.at(borders, (rows, np.ceil(crossed - 0.5).clip(0, width).astype(np.intp)), 1)
    return (borders.cumsum(axis=1)[:, :-1] % 2).astype(bool)


def _rings(mask: Mask) -> Iterator[Ring]:
    """Walk around a mask in one piece, its pixels on the right hand; every corner is passed once by each ring.

    Where two pixels touch in a corner, the walk stays with the pixel that it is at. A walk that comes back to one of
    its corners has closed a ring.
    """
    leaving = _sides(mask)
    while leaving:
        start = min(leaving)  # of the outline: the one corner at which the walk cannot be in doubt
        path, step = [start], (0, 1)
        at = {start: 0}
        while leaving.get(path[-1]):
            here = path[-1]
            right = (here[0] + step[1], here[1] - step[0])
            ends = leaving[here]
            there = right if right in ends else ends[0]
            ends.remove(there)
            if not ends:
                del leaving[here]
            step = (there[0] - here[0], there[1] - here[1])
            if there in at:
                ring, path = path[at[there] :], path[: at[there] + 1]
                for corner in ring[1:]:
                    del at[corner]
                yield _straightened(ring)
            else:
                at[there] = len(path)
                path.append(there)


def _sides(mask: Mask) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """Give the sides of pixels that border on none of the mask: where each begins, and where it ends."""
    padded = np.pad(mask, 1)
    inside = padded[1:-1, 1:-1]
    leaving: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for beside, begin, end in (
        (padded[:-2, 1:-1], (0, 0), (0, 1)),  # above
        (padded[1:-1, 2:], (0, 1), (1, 1)),  # on the right
        (padded[2:, 1:-1], (1, 1), (1, 0)),  # below
        (padded[1:-1, :-2], (1, 0), (0, 0)),  # on the left
    ):
        for y, x in np.argwhere(inside & ~beside).tolist():
            leaving.setdefault((y + begin[0], x + begin[1]), []).append((y + end[0], x + end[1]))
    return leaving


def _straightened(ring: Sequence[tuple[int, int]]) -> Ring:
    """Leave out the corners at which a ring goes straight on."""
    corners = np.array(ring, np.int64)
    turns = (np.roll(corners, -1, axis=0) - corners) != (corners - np.roll(corners, 1, axis=0))
    return corners[turns.any(axis=1)]


def _twice_area(ring: Ring) -> float:
    """Give twice the area, positive of a ring that runs clockwise as it is shown."""
    y, x = ring[:, 0], ring[:, 1]
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum())
