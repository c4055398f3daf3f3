"""The files of outlines that other programs open, by the name that `--outlines` takes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cellprune.lab.position import Position

OutlineFile = Literal["rois", "geojson"]
Write = Callable[[NDArray[np.unsignedinteger], Sequence[str], Position | None], bytes]


@dataclass(frozen=True)
class Row:
    """One kind of file.

    Attributes:
        module: of `as_bytes`, loaded when it is wanted.
        suffix: of its files.
    """

    module: str
    suffix: str

    @property
    def as_bytes(self) -> Write:
        """What writes it: labels, the class name of each, and where in a stack they are."""
        write: Write = import_module(self.module).as_bytes
        return write


FILES: dict[OutlineFile, Row] = {
    "rois": Row("cellprune.lab.roi_file", ".zip"),
    "geojson": Row("cellprune.lab.geojson_file", ".geojson"),
}
