"""The errors in an image, one by one, as `evaluation.cells` judges them: so a picture marks what the scores count."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cellprune.evaluation.cells import Error, JudgedCells


@dataclass(frozen=True)
class Fault:
    """One error, and the cells that it is about.

    Attributes:
        true, found: labels of cells. The cells that are counted get a mark each: of "extra" the found cell, of the
            others the true cells.
        area_px: pixels of the marked cells.
    """

    error: Error
    true: tuple[int, ...]
    found: tuple[int, ...]
    area_px: int

    @property
    def marked(self) -> tuple[int, ...]:
        """The labels of the cells that are counted."""
        return self.found if self.error == "extra" else self.true

    @property
    def severity(self) -> tuple[int, int]:
        """How bad it is among errors of its kind: by the number of its cells, then by their area."""
        return len(self.true) + len(self.found), self.area_px


def faults(judged: JudgedCells) -> list[Fault]:
    """List the errors of an image: merged, missed, split, extra, each in the order of labels."""
    return [*_merged(judged), *_alone("missed", judged), *_split(judged), *_alone("extra", judged)]


def _merged(judged: JudgedCells) -> Iterator[Fault]:
    for by in np.unique(judged.covered_by[judged.merged]):
        cells = judged.true.only(judged.covered_by == by)
        yield Fault("merged", tuple(cells.numbers.tolist()), (int(by),), int(cells.area_px.sum()))


def _split(judged: JudgedCells) -> Iterator[Fault]:
    cells = judged.true.only(judged.split)
    for number, area_px in zip(cells.numbers.tolist(), cells.area_px.tolist(), strict=True):
        pieces = judged.found.numbers[judged.lies_in == number]
        yield Fault("split", (number,), tuple(pieces.tolist()), area_px)


def _alone(error: Error, judged: JudgedCells) -> Iterator[Fault]:
    cells = judged.found.only(judged.extra) if error == "extra" else judged.true.only(judged.missed)
    for number, area_px in zip(cells.numbers.tolist(), cells.area_px.tolist(), strict=True):
        yield Fault(error, () if error == "extra" else (number,), (number,) if error == "extra" else (), area_px)
