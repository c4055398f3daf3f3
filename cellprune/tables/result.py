"""A finished run as a table has it: its scores by name, image by image for pairs, and what its network costs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cellprune.config.names import resolve
from cellprune.evaluation.cells import CELL_SCORES
from cellprune.evaluation.iou import SCORES
from cellprune.evaluation.metric import Metric
from cellprune.report import files
from cellprune.report.finished import Spent, spent
from cellprune.report.results import Results
from cellprune.runs.folder import Folder
from cellprune.runs.scores import ClassificationScores, Scores, SegmentationScores
from cellprune.runs.split import Split
from cellprune.tables.plan import Trial


@dataclass(frozen=True)
class Score:
    """One score of a run.

    Attributes:
        name: as scores.json has it, "iou_image_mean".
        size: at which images are judged, "network" or "native"; "" where there is one.
        label: what it is called on pages.
        value: None where nothing is to be judged.
        is_fault: whether smaller is better.
    """

    name: str
    size: str
    label: str
    value: float | None
    is_fault: bool = False


@dataclass(frozen=True, eq=False)
class Result:
    """What came of a trial.

    Attributes:
        folder: of its run.
        scores: the headline first.
        paired: what a paired score is called, "IoU" -> held-out image -> score; the headline first.
        nothing: why its network has learned nothing; "" if it has.
        scope: what was scored on what, in sentences.
        sparsity: share of the prunable weights that is removed; of a small dense network, of all parameters.
        milliseconds: of one image through its network, on the run's own machine.
        times: phase -> seconds.
    """

    trial: Trial
    folder: Path
    scores: tuple[Score, ...]
    paired: Mapping[str, Mapping[str, float]]
    nothing: str
    scope: str
    sparsity: float
    milliseconds: float
    cost: Spent
    times: Mapping[str, float]
    n_epochs: int

    @property
    def seconds(self) -> float:
        """That the run took, whenever that was."""
        return sum(self.times.values())

    def score(self, name: str) -> float | None:
        """Give the score of this name at the first size that it is known at."""
        return next((score.value for score in self.scores if score.name == name), None)


def read(trial: Trial, folder: Path) -> Result:
    """Read a finished run.

    Raises:
        CellpruneError: a file is missing or damaged; the message names it.
    """
    said = files.read(Folder(folder))
    with files.needed(str(folder)):
        told: Results[Scores, Split] = resolve("results", said.scores.task)
        metric = told.metric
        cost, control, time = spent(said.cost, said.made), said.cost.control, said.cost.milliseconds
        return Result(
            trial=trial,
            folder=folder,
            scores=tuple(_scores(said.scores)),
            paired={one.name: one.of_each(said.scores) for one in _metrics(told, said.scores)},
            nothing=metric.nothing(said.scores),
            scope=told.together.judged(said).scope,
            sparsity=1 - cost.parameters / cost.parameters_dense if control else 1 - cost.kept,
            milliseconds=time.dense if control or time.pruned is None else time.pruned,
            cost=cost,
            times=said.made.times,
            n_epochs=said.n_epochs,
        )


def _metrics(told: Results[Scores, Split], own: Scores) -> Iterator[Metric[Scores]]:
    """Give the scores that networks are compared by: the usual one, and SEG where cells were counted."""
    yield told.metric
    if isinstance(own, SegmentationScores) and own.cells is not None:
        yield told.compared_by("seg")


def _scores(own: Scores) -> Iterator[Score]:
    """Give every score of the summary, by name and size."""
    if isinstance(own, ClassificationScores):
        labels = {"accuracy": "accuracy", "accuracy_class_mean": "accuracy, mean of classes"}
        yield from (Score(name, "", labels[name], value) for name, value in own.summary.items())
        return
    for name, at in own.summary.items():
        label = SCORES[name].label if name in SCORES else name
        yield from (Score(name, size, label, value) for size, value in at.items())
    for name, value in own.cells.summary.items() if own.cells else ():
        of_cells = CELL_SCORES.get(name)
        yield Score(name, "native", of_cells.label if of_cells else name, value, bool(of_cells and of_cells.is_fault))
