"""A picture in few colours, drawn on by index: small as a file, and a colour in it is exactly that colour."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from skimage.transform import resize

from cellprune.report.marked.looks import Colour

_GREYS, _COLOURS = 64, 192  # shades of the image itself; more take a quarter more of the file and look the same
_HATCH_PX, _LINE_PX = 10, 3

Points = NDArray[np.float64]
"""(n, 2): row and column, in pixels of the picture."""
Flags = NDArray[np.bool_]


class Canvas:
    """An image at the size of its picture, and what is drawn on it.

    Args:
        image: (C, h, w) float, 0..1; one channel is grey, three are colours.
        size: (height, width) of the picture.
        colours: that may be drawn with.
    """

    def __init__(self, image: NDArray[np.floating], size: tuple[int, int], colours: list[Colour]) -> None:
        shrinks = size[0] < image.shape[1]
        scaled = np.stack([resize(channel, size, order=1, anti_aliasing=shrinks) for channel in image])
        if len(image) == 1:
            self._indices = (scaled[0] * (_GREYS - 1)).round().astype(np.uint8)
            shades = [(value, value, value) for value in np.linspace(0, 255, _GREYS).round().astype(int).tolist()]
        else:
            few = Image.fromarray((255 * scaled).round().astype(np.uint8).transpose(1, 2, 0)).quantize(_COLOURS)
            self._indices = np.asarray(few).copy()
            flat = (few.getpalette() or [])[: 3 * _COLOURS]
            shades = list(zip(flat[::3], flat[1::3], flat[2::3], strict=True))
        self._palette = [*shades, *colours]
        self._index = {colour: len(shades) + at for at, colour in enumerate(colours)}

    def hatch(self, where: Flags, colour: Colour) -> None:
        """Draw slanting lines over a region (height, width)."""
        row, column = np.indices(where.shape)
        self._indices[where & ((row + column) % _HATCH_PX < _LINE_PX)] = self._index[colour]

    def line(
        self, points: Points, colour: Colour, width_px: int, dash_px: tuple[int, int] | None = None,
        *, only: Flags | None = None,
    ) -> None:  # fmt: skip
        """Draw a line through points, perhaps dashed, and perhaps in a region (height, width) only."""
        length = np.concatenate([[0], np.hypot(*np.diff(points, axis=0).T).cumsum()])
        along = np.arange(0, max(length[-1], 0.7), 0.7)
        if dash_px is not None:
            along = along[along % sum(dash_px) < dash_px[0]]
        centres = np.stack([np.interp(along, length, points[:, axis]) for axis in (0, 1)], axis=1)
        brush = np.indices((width_px, width_px)).reshape(2, -1).T - (width_px - 1) / 2
        self._dot((centres[:, None] + brush).reshape(-1, 2), colour, only)

    def shape(self, at: tuple[float, float], kind: str, radius_px: int, colour: Colour, ring: Colour) -> None:
        """Draw a filled shape around a point (row, column), with a ring around it; nothing if the point is outside."""
        if not all(0 <= here < side for here, side in zip(at, self._indices.shape, strict=True)):
            return
        filled = _shape(kind, radius_px)
        for where, of in ((ndimage.binary_dilation(filled, iterations=2), ring), (filled, colour)):
            self._dot(np.argwhere(where) - (filled.shape[0] // 2) + np.array(at), of, None)

    def beside(self, other: "Canvas", gap_px: int) -> bytes:
        """Give a PNG of this picture and one of the same image to its right, with white between."""
        gap = np.full((self._indices.shape[0], gap_px), self._index[(255, 255, 255)], np.uint8)
        image = Image.fromarray(np.concatenate([self._indices, gap, other._indices], axis=1))
        image.putpalette([channel for colour in self._palette for channel in colour])
        png = io.BytesIO()
        image.save(png, "PNG", compress_level=5)
        return png.getvalue()

    def _dot(self, centres: Points, colour: Colour, only: Flags | None) -> None:
        rows, columns = np.floor(centres + 0.5).astype(int).T
        height, width = self._indices.shape
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        rows, columns = rows[inside], columns[inside]
        if only is not None:
            rows, columns = rows[only[rows, columns]], columns[only[rows, columns]]
        self._indices[rows, columns] = self._index[colour]


def _shape(kind: str, radius_px: int) -> Flags:
    reach = radius_px + 4
    row, column = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    shapes = {
        "circle": row**2 + column**2 <= radius_px**2,
        "diamond": abs(row) + abs(column) <= radius_px + 1,
        "cross": (abs(abs(row) - abs(column)) <= 2) & (np.maximum(abs(row), abs(column)) <= radius_px),
        "triangle": (abs(row) <= radius_px) & (2 * abs(column) <= row + radius_px),
    }
    drawn: Flags = shapes[kind]
    return drawn
