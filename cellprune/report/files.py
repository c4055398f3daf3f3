"""What the files of a run say, read once for its page, or for a comparison with others."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import jinja2

from cellprune.errors import CellpruneError
from cellprune.runs.cost import Cost
from cellprune.runs.folder import Folder
from cellprune.runs.metrics import Epoch
from cellprune.runs.provenance import Provenance
from cellprune.runs.scores import Scores
from cellprune.runs.split import Split
from cellprune.runs.tuning import Tuning
from cellprune.wording import reason

AnyScores = TypeVar("AnyScores")
AnySplit = TypeVar("AnySplit")


@dataclass(frozen=True, eq=False)
class RunFiles(Generic[AnyScores, AnySplit]):
    """The content of a run's files; the types of scores and split are those of its task.

    Attributes:
        path: the run's folder.
        config: as config.yaml has it: section -> setting -> value, of this version or an older one.
        tuning: of the decoder; None where nobody tuned it.
    """

    path: Path
    config: Mapping[str, Any]
    split: AnySplit
    made: Provenance
    cost: Cost
    epochs: tuple[Epoch, ...]
    scores: AnyScores
    tuning: Tuning | None

    @property
    def n_epochs(self) -> int:
        """Passes over the training part in all trainings, and in those that the masks were learned by."""
        return len(self.epochs) if self.made.epochs is None else self.made.epochs


def read(folder: Folder) -> RunFiles[Scores, Split]:
    """Read all that a report is made from but the masks.

    Raises:
        CellpruneError: a file is missing or damaged; the message names it.
    """
    return RunFiles(
        path=folder.path,
        config=folder.read_config(),
        split=folder.read_split(),
        made=folder.read_provenance(),
        cost=folder.read_cost(),
        epochs=folder.read_metrics(),
        scores=folder.read_scores(),
        tuning=folder.read_tuning() if folder.has("tuning") else None,
    )


@contextmanager
def needed(whose: str) -> Iterator[None]:
    """Turn whatever goes wrong with values from a run's files into one line that names the run.

    Raises:
        CellpruneError: something is missing from the files, or is not what it should be.
    """
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, jinja2.UndefinedError) as error:
        raise CellpruneError(
            f"the files of {whose} lack what a report needs ({reason(error)}): make the run again with this cellprune"
        ) from error
