"""The table of cells: place, size, shape and brightness of each, in pixels, and in um where the pixel size is known."""

from collections.abc import Iterator, Sequence
from math import isnan

import numpy as np
from numpy.typing import NDArray

from cellprune.lab.shapes import Cutout, intensities, measured

Row = dict[str, object]
COLUMNS = (
    "image", "frame", "label", "class", "area_px", "area_um2", "y_px", "x_px", "y_um", "x_um", "touches_border",
    "perimeter_px", "perimeter_um", "eccentricity", "orientation_deg", "solidity",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def cells(
    labels: NDArray[np.unsignedinteger],
    class_of: Sequence[str],
    levels: NDArray,
    *,
    image: str,
    frame: int,
    pixel_size_um: tuple[float, float] | None,
    cutout: Cutout | None = None,
) -> Iterator[Row]:
    """Measure every cell of a label image.

    Args:
        labels: (H, W), 0 is background, 1.. without gaps.
        class_of: name of the class of every label; the first is the background's.
        levels: (C, H, W), the image's grey levels as they are saved.
        image: name of the image, for the rows.
        frame: time index.
        pixel_size_um: (y, x); None leaves the columns in um empty.
        cutout: of which part of the image labels and levels are; None for all of it.
    Returns:
        One row a cell, keys as `COLUMNS`, and for each channel the mean and the deviation of its grey levels. Positions
        are centroids; the centre of the first pixel is (0, 0). Shapes are those in um where the pixel size is known.
    """
    height, width = pixel_size_um or (1.0, 1.0)
    shapes = measured(labels, (height, width), cutout)
    bright = [intensities(labels, channel) for channel in levels]

    def um(value: float) -> float | None:
        return None if pixel_size_um is None else _short(value)

    for number in range(1, len(class_of)):
        label = number if cutout is None else int(cutout.numbers[number])
        area, y, x = int(shapes.area_px[number]), shapes.y_px[number], shapes.x_px[number]
        angle = float(shapes.orientation_deg[number])
        row: Row = {
            "image": image, "frame": frame, "label": label, "class": class_of[number],
            "area_px": area, "area_um2": um(area * height * width),
            "y_px": _short(y), "x_px": _short(x), "y_um": um(y * height), "x_um": um(x * width),
            "touches_border": int(shapes.touches_border[number]),
            "perimeter_px": _short(shapes.perimeter_px[number]), "perimeter_um": um(shapes.perimeter[number]),
            "eccentricity": _short(shapes.eccentricity[number]),
            "orientation_deg": None if isnan(angle) else _short(angle),
            "solidity": _short(shapes.solidity[number]),
        }  # fmt: skip
        for channel, (means, deviations) in enumerate(bright):
            row[f"mean_c{channel}"], row[f"deviation_c{channel}"] = _six(means[number]), _six(deviations[number])
        yield row


def harmless(value: object) -> object:
    """Give a value that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _short(value: float) -> float:
    """Three digits behind the point: a thousandth of a pixel, and a file that people can read."""
    return round(float(value), 3)


def _six(value: float) -> float:
    """Six digits, wherever the point is: grey levels may be fractions of one, or thousands."""
    return float(f"{value:.6g}")
