"""The measures of all cells of a label image at once: area, place, outline, shape, intensity.

Source: moments as `skimage.measure.regionprops` takes them; the perimeter by Crofton's formula with four directions
(Legland et al. 2016, 10.1093/bioinformatics/btw413), which holds for pixels that are not square, too; pixels within a
convex hull by Pick's theorem.
"""

from dataclasses import dataclass
from math import atan2, hypot, pi
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cellprune.targets.neighbours import BESIDE

Floats = NDArray[np.float64]
Whole = NDArray[np.intp]
_ROUND = 1e-9  # of the larger axis: axes that differ by less are equal


@dataclass(frozen=True)
class Shapes:
    """Measures of cells, each an array by label; the first is the background's and means nothing.

    Attributes:
        area_px: pixels.
        y_px, x_px: the centroid; the centre of the first pixel is (0, 0).
        perimeter_px: the length of the outline, holes included, of pixels taken for squares.
        perimeter: the same in the unit of the pixel size.
        eccentricity: of the ellipse with the same second moments: 0 is a circle, 1 a line.
        orientation_deg: of that ellipse's long axis, from the image's x axis counter-clockwise as it is shown, at least
            0 and below 180; NaN where no axis is longer.
        solidity: the share of the pixels in its convex hull that are the cell's.
        touches_border: whether a pixel lies at the border of the image.
    """

    area_px: Whole
    y_px: Floats
    x_px: Floats
    perimeter_px: Floats
    perimeter: Floats
    eccentricity: Floats
    orientation_deg: Floats
    solidity: Floats
    touches_border: NDArray[np.bool_]


@dataclass(frozen=True)
class Cutout:
    """A part of an image in which all cells are whole, without any others.

    Attributes:
        top, left: its first row and column in the image.
        size: (height, width) of the image.
        numbers: of its cells in the image, by their labels here; the first is the background's.
    """

    top: int
    left: int
    size: tuple[int, int]
    numbers: NDArray[np.intp]


class _Pixels(NamedTuple):
    """All pixels of cells in the order of reading: whose they are, and where."""

    of: Whole
    y: Whole
    x: Whole


def measured(
    labels: NDArray[np.unsignedinteger], pixel_size: tuple[float, float] = (1.0, 1.0), cutout: Cutout | None = None
) -> Shapes:
    """Measure every cell.

    Args:
        labels: (H, W), 0 is background, 1.. without gaps.
        pixel_size: height and width of a pixel, in any unit.
        cutout: of which part of an image the labels are; the measures are those in the whole. None for all of it.
    Example:
        >>> labels = np.zeros((9, 9), np.uint16)
        >>> labels[2:5, 1:7] = 1
        >>> shapes = measured(labels)
        >>> int(shapes.area_px[1]), float(shapes.x_px[1]), float(shapes.orientation_deg[1]), float(shapes.solidity[1])
        (18, 3.5, 0.0, 1.0)
    """
    inside = np.flatnonzero(labels != 0)
    rows, columns = np.divmod(inside, labels.shape[1])
    top, left = (0, 0) if cutout is None else (cutout.top, cutout.left)
    pixels = _Pixels(labels.ravel()[inside].astype(np.intp), rows + top, columns + left)
    n = int(labels.max(initial=0)) + 1
    area = np.bincount(pixels.of, minlength=n)
    each = np.maximum(area, 1)
    y, x = (np.bincount(pixels.of, along, n) / each for along in (pixels.y, pixels.x))
    down, across = (pixels.y - y[pixels.of]) * pixel_size[0], (pixels.x - x[pixels.of]) * pixel_size[1]
    yy, xx, yx = (np.bincount(pixels.of, product, n) / each for product in (down**2, across**2, down * across))
    middle, half = (xx + yy) / 2, np.hypot((xx - yy) / 2, yx)
    longer = np.maximum(middle + half, np.finfo(float).tiny)
    is_round = half <= _ROUND * longer
    degrees = np.degrees(np.arctan2(-2 * yx, xx - yy) / 2) % 180  # rows count downwards
    ends = _ends(labels, n)
    return Shapes(
        area_px=area, y_px=y, x_px=x,
        perimeter_px=_length(ends, (1.0, 1.0)), perimeter=_length(ends, pixel_size),
        eccentricity=np.where(is_round, 0, np.sqrt((2 * half / longer).clip(0, 1))),
        orientation_deg=np.where(is_round, np.nan, degrees),
        solidity=area / np.maximum(_hull_pixels(pixels, n), 1),
        touches_border=_touching(labels, n, top, left, labels.shape if cutout is None else cutout.size),
    )  # fmt: skip


def _touching(
    labels: NDArray[np.unsignedinteger], n: int, top: int, left: int, size: tuple[int, ...]
) -> NDArray[np.bool_]:
    """Tell which cells have a pixel at the border of the image."""
    touching = np.zeros(n, bool)
    for is_border, side in (
        (top == 0, labels[:1]),
        (top + labels.shape[0] == size[0], labels[-1:]),
        (left == 0, labels[:, :1]),
        (left + labels.shape[1] == size[1], labels[:, -1:]),
    ):
        touching[side.astype(np.intp)] |= is_border
    return touching


def intensities(labels: NDArray[np.unsignedinteger], channel: NDArray) -> tuple[Floats, Floats]:
    """Give each cell's mean and standard deviation in a channel, by label.

    Args:
        labels: (H, W), as in `measured`.
        channel: (H, W), any numbers.
    """
    inside = np.flatnonzero(labels != 0)
    of = labels.ravel()[inside].astype(np.intp)
    values = channel.ravel()[inside].astype(np.float64)
    each = np.maximum(np.bincount(of, minlength=1), 1)
    means = np.bincount(of, values, len(each)) / each
    return means, np.sqrt(np.bincount(of, (values - means[of]) ** 2, len(each)) / each)


def _ends(labels: NDArray[np.unsignedinteger], n: int) -> Floats:
    """Count how often lines in each of four directions enter or leave each cell; around the image there is nothing."""
    around = np.pad(labels, 1)
    ends = np.zeros((len(BESIDE), n))
    for direction, (here, there) in enumerate(BESIDE):
        one, other = around[here], around[there]
        at = np.flatnonzero(one != other)
        rows, columns = np.divmod(at, one.shape[1])
        for side in (one, other):
            ends[direction] += np.bincount(side[rows, columns], minlength=n)
    return ends


def _length(ends: Floats, pixel_size: tuple[float, float]) -> Floats:
    """Give the length of outlines that lines meet so often."""
    height, width = pixel_size
    slope, between = atan2(height, width), height * width / hypot(height, width)
    # the share of all directions for which each stands, and how far its lines are apart
    weights = (slope * height, (pi / 2 - slope) * width, pi / 4 * between, pi / 4 * between)
    length: Floats = np.array(weights) @ ends / 2
    return length


def _hull_pixels(pixels: _Pixels, n: int) -> Floats:
    """Count the pixels whose centres lie in each cell's convex hull, that of its pixels' centres.

    The corners of the hull are among the first and the last pixels of the cell's rows. Both are a chain from the cell's
    first row to its last; a point that is not beyond the line between its neighbours in the chain is no corner.
    """
    if not len(pixels.of):
        return np.ones(n)
    order = np.argsort(pixels.of, kind="stable")
    of, y, x = (along[order] for along in pixels)
    begins = np.flatnonzero(np.concatenate([[True], (of[1:] != of[:-1]) | (y[1:] != y[:-1])]))
    ends = np.concatenate([begins[1:], [len(of)]]) - 1
    twice_area, on_outline = np.zeros(n), np.zeros(n)
    for outer, sign in ((begins, -1), (ends, 1)):
        chain = _Pixels(of[outer], y[outer], sign * x[outer])
        chain = _corners(chain)
        same = chain.of[1:] == chain.of[:-1]
        of_side, rows = chain.of[1:][same], np.diff(chain.y)[same]
        twice_area += np.bincount(of_side, (chain.x[1:] + chain.x[:-1])[same] * rows, n)
        on_outline += np.bincount(of_side, np.gcd(rows, np.diff(chain.x)[same]), n)
    first = np.concatenate([[True], of[begins][1:] != of[begins][:-1]])
    last = np.concatenate([first[1:], [True]])
    for row in (first, last):
        on_outline += np.bincount(of[begins[row]], x[ends[row]] - x[begins[row]], n)
    return (twice_area + on_outline + 2) / 2


def _corners(chain: _Pixels) -> _Pixels:
    """Leave out the points of each cell's chain, by rows, that are no corner of its hull, whose larger x is outside."""
    while True:
        (of, y, x), keeps = chain, np.ones(len(chain.of), bool)
        beyond = (x[1:-1] - x[:-2]) * (y[2:] - y[:-2]) > (x[2:] - x[:-2]) * (y[1:-1] - y[:-2])
        keeps[1:-1] = beyond | (of[:-2] != of[1:-1]) | (of[2:] != of[1:-1])
        if keeps.all():
            return chain
        chain = _Pixels(of[keeps], y[keeps], x[keeps])
