"""How a task's results are told, on the page and at a terminal: one value a task, in the table of `config.names`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cellprune.runs.folder import Folder


@dataclass(frozen=True)
class Measure:
    """The one score by which two networks are compared, image by image; larger is better.

    Attributes:
        name: "IoU", "accuracy".
        images: what it is taken of, "frames" or "images".
        watched: what it is called in metrics.csv.
        of_each: content of scores.json -> image -> score; without the images whose score is undefined.
    """

    name: str
    images: str
    watched: str
    of_each: Callable[[Mapping[str, Any]], dict[str, float]]


@dataclass(frozen=True)
class Results:
    """What differs between the reports of two tasks.

    Attributes:
        template: extends page.html.jinja by the sections of this task.
        told: run -> what these sections tell, by the names the template has for it.
        headline: content of scores.json -> the sentence that a finished training ends with.
        table: content of scores.json -> the lines that `evaluate` prints.
        measure: what a comparison of two networks is about.
    """

    template: str
    told: Callable[[Folder], dict[str, Any]]
    headline: Callable[[Mapping[str, Any]], str]
    table: Callable[[Mapping[str, Any]], list[str]]
    measure: Measure
