"""How many trainings a search takes, and how long: said before it starts, from one timed epoch."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cellprune import experiment
from cellprune.config.schema import Runtime, Search, Settings
from cellprune.errors import CellpruneError, TooMuchError, WorkError
from cellprune.runs.folder import Folder
from cellprune.search.confirm import STEPS_BELOW
from cellprune.search.frames import settings_of
from cellprune.search.grid import most_probes
from cellprune.search.propose import most_rounds
from cellprune.search.trial import Trial


@dataclass(frozen=True)
class Count:
    """Trainings, counted in networks.

    Attributes:
        search, confirmation, controls: at most.
        expected: of search and confirmation, where the search proposes something.
    """

    search: int
    confirmation: int
    controls: int
    expected: int

    @property
    def most(self) -> int:
        return self.search + self.confirmation + self.controls


def count(question: Search, grid: Sequence[float], n_controls: int) -> Count:
    """Count the trainings of a search with one look: rounds of S, and S' (1 + 3), each times the folds."""
    folds = max(1, question.cv)
    n_tested = min(1 + STEPS_BELOW, len(grid))
    controls = n_controls * question.confirm_seeds * folds if question.controls else 0
    return Count(
        search=question.seeds * folds * most_rounds(len(grid)),
        confirmation=question.confirm_seeds * folds * (1 + n_tested),
        controls=controls,
        expected=folds * (question.seeds * (1 + most_probes(len(grid))) + question.confirm_seeds * (1 + n_tested))
        + controls,
    )


def seconds_of_a_training(
    settings: Settings,
    question: Search,
    ratio: float,
    *,
    data_root: Path | None,
    device: Literal["auto", "cpu", "cuda", "mps"],
) -> float:
    """Train one epoch of one pruned trial, throw it away, and tell how long the whole would take.

    Raises:
        CellpruneError: so much cannot be removed.
        WorkError: the epoch fails, as those of the trials would.
    """
    trial = settings_of(Trial("search", ratio, 0), settings, question)
    one = trial.model_copy(update={"training": settings.training.model_copy(update={"epochs": 1})})
    with tempfile.TemporaryDirectory(prefix="cellprune-") as folder:
        runtime = Runtime(output=Path(folder) / "run", data_root=data_root, device=device)
        times = _one_epoch(one, runtime, ratio).read_provenance()["times"]
    epochs, every = settings.training.epochs, settings.training.evaluate_every
    n_evaluations = epochs // every + 2  # the last epoch's, and the scores
    return times.get("scoring_s", 0.0) + epochs * times["training_s"] + n_evaluations * times["evaluation_s"]


def _one_epoch(settings: Settings, runtime: Runtime, ratio: float) -> Folder:
    """Train it; what fails is told as what it is, because its folder is gone by then."""
    try:
        return experiment.run(settings, runtime=runtime)
    except TooMuchError as error:
        reason = str(error).split(":")[0]
        raise CellpruneError(f"the lowest ratio, {ratio:g}, cannot be had ({reason}): take a lower --low") from error
    except WorkError as error:
        reason = str(error).split(";")[0]
        raise WorkError(
            f"the epoch that is timed, with a ratio of {ratio:g}, failed ({reason}): mend what made it fail, the "
            "trainings of the search would, too"
        ) from error
