"""The table of cells: where each is and how large, in pixels and, where the pixel size is known, in um."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Row = dict[str, Any]
COLUMNS = (
    "image", "frame", "label", "class", "area_px", "area_um2", "y_px", "x_px", "y_um", "x_um", "touches_border",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def cells(
    labels: NDArray[np.unsignedinteger],
    class_of: Sequence[str],
    *,
    image: str,
    frame: int,
    pixel_size_um: tuple[float, float] | None,
) -> Iterator[Row]:
    """Measure every cell of a label image.

    Args:
        labels: (H, W), 0 is background, 1.. without gaps.
        class_of: name of the class of every label; the first is the background's.
        image: name of the image, for the rows.
        frame: time index.
        pixel_size_um: (y, x); None leaves the columns in um empty.
    Returns:
        One row a cell, keys as `COLUMNS`. Positions are centroids; the centre of the first pixel is (0, 0).
    """
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        ys, xs = np.nonzero(labels[box] == number)
        position = (ys.mean() + box[0].start, xs.mean() + box[1].start)
        touches = any(b.start == 0 or b.stop == side for b, side in zip(box, labels.shape, strict=True))
        row: Row = {"image": image, "frame": frame, "label": number, "class": class_of[number], "area_px": len(ys)}
        row |= {"area_um2": None, "y_px": _short(position[0]), "x_px": _short(position[1]), "y_um": None, "x_um": None}
        if pixel_size_um is not None:
            um_y, um_x = pixel_size_um
            row |= {"area_um2": _short(len(ys) * um_y * um_x)}
            row |= {"y_um": _short(position[0] * um_y), "x_um": _short(position[1] * um_x)}
        yield row | {"touches_border": int(touches)}


def as_csv(rows: Iterable[Row]) -> str:
    """Write rows as CSV, a header first.

    Names come from outside: one that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    for row in rows:
        table.writerow({key: _harmless(value) for key, value in row.items()})
    return text.getvalue()


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _short(value: float) -> float:
    """Three digits behind the point: a thousandth of a pixel, and a file that people can read."""
    return round(float(value), 3)
