"""How a task's results are told, on pages and at a terminal: one value per task, in the table of `config.names`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic

from cellprune.evaluation.cells import CellCount
from cellprune.evaluation.metric import Metric
from cellprune.report.files import AnyScores, AnySplit, RunFiles
from cellprune.report.scores import Score

ImageKey = tuple[str, int]  # sequence and frame, or class and number: a held-out image in any run of its data set


@dataclass(frozen=True, eq=False)
class Judged:
    """What a run was judged by, in the same terms for every task.

    Attributes:
        truth: what decides how an image is judged; runs that differ in it are not compared.
        apart: what may set two groups on one data set apart, in a few words.
        scope: what was scored on what, in sentences.
        files: held-out image -> content hash of each of its files.
        names: held-out image -> the name it is shown by, perhaps together with others.
        sizes: size at which images are judged -> what it is called; "native" is always one.
        images: size -> held-out image -> its score, 0..1, larger is better; an image without any is absent.
        scores: every named score, the headline first.
        cells: held-out image -> its cells, counted; empty where they were not. None for a task without cells.
    """

    truth: tuple[object, ...]
    apart: str
    scope: str
    files: dict[ImageKey, Mapping[str, str]]
    names: dict[ImageKey, str]
    sizes: dict[str, str]
    images: dict[str, dict[ImageKey, float]]
    scores: list[Score]
    cells: Mapping[ImageKey, CellCount] | None


@dataclass(frozen=True)
class Together(Generic[AnyScores, AnySplit]):
    """How a task's runs are told side by side.

    Attributes:
        judged: what a run's files say -> what the run was judged by.
        headline: what the first of the named scores is called.
        each: what the names of `Judged.names` stand for, such as "held-out image".
        curve: title of the curves of what was watched.
        spread: (standard deviation over images, number of images) -> what stands behind ±.
        spread_is: what that is, in words.
    """

    judged: Callable[[RunFiles[AnyScores, AnySplit]], Judged]
    headline: str
    each: str
    curve: str
    spread: Callable[[float, int], float]
    spread_is: str


@dataclass(frozen=True)
class Results(Generic[AnyScores, AnySplit]):
    """What differs between the reports of two tasks.

    Attributes:
        template: extends page.html.jinja by the sections of this task.
        content: what a run's files say -> what these sections tell, by the names the template has for it.
        headline: scores -> the sentence that a finished training ends with.
        table: scores -> the lines that `evaluate` prints.
        metric: what a comparison of two networks is about.
        of_cells: what it may be about instead, where cells are counted, by the name that asks for it.
        together: how several runs are told.
    """

    template: str
    content: Callable[[RunFiles[AnyScores, AnySplit]], Mapping[str, object]]
    headline: Callable[[AnyScores], str]
    table: Callable[[AnyScores], list[str]]
    metric: Metric[AnyScores]
    together: Together[AnyScores, AnySplit]
    of_cells: Mapping[str, Metric[AnyScores]] = field(default_factory=dict)

    def compared_by(self, score: str) -> Metric[AnyScores]:
        """Give what a comparison is about; every name but those of cells asks for the usual one."""
        return self.of_cells.get(score, self.metric)
