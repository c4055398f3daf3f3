"""How a task's results are told, on pages and at a terminal: one value a task, in the table of `config.names`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cellprune.report.scores import Score
from cellprune.runs.folder import Folder

Place = tuple[str, int]  # sequence and frame, or class and number: a held-out image in any run of its data set


@dataclass(frozen=True)
class Measure:
    """The one score by which two networks are compared, image by image; larger is better.

    Attributes:
        name: "IoU", "accuracy".
        images: what it is taken of, "frames" or "images".
        watched: what it is called in metrics.csv.
        of_each: content of scores.json -> image -> score; without the images whose score is undefined.
        nothing: content of scores.json -> why such a network has learned nothing, in a few words; "" if it has. What is
            not worse than such a network is not worth anything either.
    """

    name: str
    images: str
    watched: str
    of_each: Callable[[Mapping[str, Any]], dict[str, float]]
    nothing: Callable[[Mapping[str, Any]], str]


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
    """

    truth: tuple[Any, ...]
    apart: str
    scope: str
    files: dict[Place, Mapping[str, str]]
    names: dict[Place, str]
    sizes: dict[str, str]
    images: dict[str, dict[Place, float]]
    scores: list[Score]


@dataclass(frozen=True)
class Together:
    """How a task's runs are told side by side.

    Attributes:
        judged: contents of config.yaml, split.yaml and scores.json -> what the run was judged by.
        headline: what the first of the named scores is called.
        each: what the names of `Judged.names` stand for, such as "held-out image".
        curve: title of the curves of what was watched.
        spread: (standard deviation over images, number of images) -> what stands behind ±.
        spread_is: what that is, in words.
    """

    judged: Callable[[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]], Judged]
    headline: str
    each: str
    curve: str
    spread: Callable[[float, int], float]
    spread_is: str


@dataclass(frozen=True)
class Results:
    """What differs between the reports of two tasks.

    Attributes:
        template: extends page.html.jinja by the sections of this task.
        told: run -> what these sections tell, by the names the template has for it.
        headline: content of scores.json -> the sentence that a finished training ends with.
        table: content of scores.json -> the lines that `evaluate` prints.
        measure: what a comparison of two networks is about.
        together: how several runs are told.
    """

    template: str
    told: Callable[[Folder], dict[str, Any]]
    headline: Callable[[Mapping[str, Any]], str]
    table: Callable[[Mapping[str, Any]], list[str]]
    measure: Measure
    together: Together
