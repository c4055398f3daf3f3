"""metrics.csv: how the training went, one line per epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cellprune.runs import documents

_OWN = {"stage", "epoch", "loss", "learning_rate", "sparsity", "seconds"}  # every other column is a score


@dataclass(frozen=True)
class Epoch:
    """What came of one epoch.

    Attributes:
        stage: number of the training among those of the run, from 0.
        epoch: within the stage, from 1.
        loss: mean over the epoch's steps.
        scores: name -> score of the part that is watched; None where it was not evaluated in this epoch.
        learning_rate: at its end.
        sparsity: share of the weights under masks that is removed at its end; None where an older version wrote none.
        seconds: of the training alone.
    """

    stage: int
    epoch: int
    loss: float
    scores: Mapping[str, float | None]
    learning_rate: float
    sparsity: float | None
    seconds: float

    @property
    def row(self) -> dict[str, int | float | None]:
        """The line of metrics.csv: column -> value, None where the cell is empty."""
        before = {"stage": self.stage, "epoch": self.epoch, "loss": self.loss}
        after = {"learning_rate": self.learning_rate, "sparsity": self.sparsity, "seconds": self.seconds}
        return {**before, **self.scores, **after}

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> "Epoch":
        """Give the epoch that has this row.

        Raises:
            TypeError: the row lacks what every epoch has.
        """
        return cls(**_parted(row))


def write(path: Path, epochs: Sequence[Epoch]) -> None:
    """Write metrics.csv anew, whole or not at all."""
    documents.write_table(path, [epoch.row for epoch in epochs])


def read(path: Path) -> tuple[Epoch, ...]:
    """Read a metrics.csv of this version or an older one; CellpruneError where it is absent or damaged."""
    rows = documents.read_table(path)
    return documents.checked(path, tuple[Epoch, ...], rows, lambda rows: [_parted(row) for row in rows])


def _parted(row: Mapping[str, Any]) -> dict[str, Any]:
    """Set the scores apart from the columns that every epoch has; older tables have no sparsity."""
    own = {"sparsity": None} | {name: value for name, value in row.items() if name in _OWN}
    return own | {"scores": {name: value for name, value in row.items() if name not in _OWN}}
