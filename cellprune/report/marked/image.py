"""An image with its true and found cells, as pictures of it need them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cellprune.evaluation.cells import JudgedCells
from cellprune.evaluation.contingency import Labels
from cellprune.report.marked.faults import Fault, faults
from cellprune.report.pictures import stretched

Box = tuple[slice, slice]


@dataclass(frozen=True, eq=False)
class Located:
    """A label image (H, W) whose cells are found again by their labels."""

    labels: Labels

    @cached_property
    def boxes(self) -> Mapping[int, Box]:
        """The smallest box around each cell, by its label."""
        numbers, dense = np.unique(self.labels, return_inverse=True)  # labels may be as large as 2^31
        around = ndimage.find_objects(dense.reshape(self.labels.shape) + 1)
        return {number: box for number, box in zip(numbers.tolist(), around, strict=True) if number > 0}


@dataclass(frozen=True, eq=False)
class ImageCells:
    """One image.

    Attributes:
        id: its name for people.
        pixels: (C, H, W) float, 0..1.
        truth, found: its cells, at native size.
        ignored: (H, W) True where the truth is unknown.
        judged: what became of the cells.
        field_of_interest_px: width of the outer band in which cells do not count.
    """

    id: str
    pixels: NDArray[np.floating]
    truth: Located
    found: Located
    ignored: NDArray[np.bool_]
    judged: JudgedCells
    field_of_interest_px: int

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.ignored.shape
        return height, width

    @cached_property
    def faults(self) -> list[Fault]:
        """The errors in it."""
        return faults(self.judged)

    @cached_property
    def shown(self) -> NDArray[np.floating]:
        """The image with its contrast stretched, in colour if it has three channels, else in grey."""
        return stretched(self.pixels if len(self.pixels) == 3 else self.pixels.mean(axis=0, keepdims=True))
