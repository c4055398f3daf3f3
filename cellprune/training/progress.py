"""What a watcher of a run sees: three events, so that the loop stays short and knows no progress bar."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Event:
    """A moment of a run.

    Attributes:
        phase: "data", "scoring", "training", "evaluation", "report".
        done, total: parts of the phase done, and in all (steps for training); total 0 is unknown.
        epoch, epochs: the epoch under way, from 1, and all of them; 0 outside training.
        loss: mean training loss of the epoch so far; None where there is none.
        scores: the newest named scores of the held-out part.
        message: one line for people.
    """

    phase: str
    done: int = 0
    total: int = 0
    epoch: int = 0
    epochs: int = 0
    loss: float | None = None
    scores: Mapping[str, float | None] = field(default_factory=dict)
    message: str = ""


class Listener(Protocol):
    """Watches a run; a true answer of `advanced` asks the training to stop after the epoch."""

    def started(self, event: Event) -> None: ...

    def advanced(self, event: Event) -> bool | None: ...

    def finished(self, event: Event) -> None: ...
