"""Two models on one image: which cells both find, such as a dense network and a pruned one."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellprune.errors import CellpruneError
from cellprune.evaluation.cells import THRESHOLDS, count, total
from cellprune.wording import many
from napari_cellprune.predicting import IsStopped, OpenImage, Predicted, Tell, name_of, predict


@dataclass(frozen=True)
class Agreement:
    """Cells of two label images of one image, or of all planes of a stack.

    Attributes:
        both: pairs of cells that share more than half of what the two cover together.
        first_alone, second_alone: cells without such a partner.
    """

    both: int
    first_alone: int
    second_alone: int

    def sentence(self, first: str, second: str) -> str:
        """Say it, with the names of the two."""
        return (
            f"{many(self.both, 'cell')} in both (IoU above {THRESHOLDS[0]:g}), {self.first_alone} in {first} alone, "
            f"{self.second_alone} in {second} alone"
        )


@dataclass(frozen=True, eq=False)
class Compared:
    """What two models found in one image."""

    first: Predicted
    second: Predicted
    agreement: Agreement

    @property
    def sentence(self) -> str:
        """Their agreement in words."""
        names = self.first.model, self.second.model
        return self.agreement.sentence(*names if len(set(names)) == 2 else ("the first", "the second"))


def compare(first: Path, second: Path, image: OpenImage, *, tell: Tell, is_stopped: IsStopped) -> Compared:
    """Label the cells of an image by two models; see `predicting.predict`.

    Raises:
        CellpruneError: it is one model, or `predict` refuses one.
    """
    if first.resolve() == second.resolve():
        raise CellpruneError(f"both models are {first}: choose two")
    made = []
    for at, model in enumerate((first, second)):

        def half(share: float, message: str, at: int = at, model: Path = model) -> None:
            tell((at + share) / 2, f"{name_of(model)}: {message}")

        made.append(predict(model, image, tell=half, is_stopped=is_stopped))
    return Compared(made[0], made[1], agreement(made[0].labels, made[1].labels))


def agreement(first: NDArray[np.integer], second: NDArray[np.integer]) -> Agreement:
    """Count the cells that two label images have in common.

    Args:
        first, second: (..., H, W) of one shape, 0 is background.
    Example:
        >>> agreement(np.array([[1, 1, 0, 2]]), np.array([[5, 5, 0, 0]]))
        Agreement(both=1, first_alone=1, second_alone=0)
    """
    planes = (labels.reshape(-1, *labels.shape[-2:]) for labels in (first, second))
    counted = total([count(*pair) for pair in zip(*planes, strict=True)])
    both = counted.matched[0]
    return Agreement(both, counted.true - both, counted.found - both)
