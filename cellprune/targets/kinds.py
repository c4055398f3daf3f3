"""The kinds of arrays that targets are made of: labels, what is learned, maps, classes and cells."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cellprune.evaluation.iou import IGNORED

UNKNOWN = -1
"""In labels: nobody says what this pixel is, so it is neither learned nor scored."""

Labels = NDArray[np.int32]
"""(H, W): 0 is background, 1.. are cells, -1 is unknown."""
Encoded = NDArray[np.uint8] | NDArray[np.float32]
"""What is learned: (H, W) uint8 classes, of which 255 is unknown, or (maps, H, W) float32, of which NaN is unknown."""
Maps = NDArray[np.float32]
Classes = NDArray[np.uint8]
Extent = tuple[int, int]
Box = tuple[slice, slice]


class Instances(NamedTuple):
    """Numbered cells.

    Attributes:
        labels: (H, W) uint16, or uint32 beyond 65,535 cells: 0 is background, then 1.. without gaps.
        class_of: (cells + 1,) uint8, the class of every label; the first is the background's.
    """

    labels: NDArray[np.unsignedinteger]
    class_of: Classes


def is_known(encoded: Encoded) -> NDArray[np.bool_]:
    """Tell where what is learned is known, in every map."""
    return ~np.isnan(encoded) if encoded.dtype.kind == "f" else encoded != unknown_in(encoded)


def unknown_in(array: Encoded | Labels) -> float:
    """Give the value of what is unknown: 255 in classes, -1 in labels, NaN in maps of numbers."""
    return {"u": IGNORED, "i": UNKNOWN, "f": float("nan")}[array.dtype.kind]
