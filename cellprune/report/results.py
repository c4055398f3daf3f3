"""How a task's results are told, on the page and at a terminal: one value a task, in the table of `config.names`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cellprune.runs.folder import Folder


@dataclass(frozen=True)
class Results:
    """What differs between the reports of two tasks.

    Attributes:
        template: extends page.html by the sections of this task.
        told: run -> what these sections tell, by the names the template has for it.
        headline: content of scores.json -> the sentence that a finished training ends with.
        table: content of scores.json -> the lines that `evaluate` prints.
    """

    template: str
    told: Callable[[Folder], dict[str, Any]]
    headline: Callable[[Mapping[str, Any]], str]
    table: Callable[[Mapping[str, Any]], list[str]]
