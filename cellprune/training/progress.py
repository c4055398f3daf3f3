"""What a watcher of a run sees: three events, so that the loop stays short and knows no progress bar."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol


@dataclass(frozen=True)
class Event:
    """A moment of a run.

    Attributes:
        phase: "data", "scoring", "training", "evaluation", "report"; "note" is a line to be said, no part of the work.
        done, total: parts of the phase done, and in all (steps for training); total 0 is unknown.
        epoch, epochs: the epoch under way, from 1, and all of them; 0 outside training.
        loss: mean training loss of the epoch so far; None where there is none.
        scores: the newest named scores of the held-out part.
        scored_epoch: the epoch that the scores are of, which may be an earlier one; 0 before the first.
        message: one line for people.
        after_s: seconds that a phase may last before a watcher says anything of it; most last no longer.
    """

    phase: str
    done: int = 0
    total: int = 0
    epoch: int = 0
    epochs: int = 0
    loss: float | None = None
    scores: Mapping[str, float | None] = field(default_factory=dict)
    scored_epoch: int = 0
    message: str = ""
    after_s: float = 0.0


class Listener(Protocol):
    """Watches a run; a true answer of `advanced` asks the training to stop after the epoch."""

    def started(self, event: Event) -> None: ...

    def advanced(self, event: Event) -> bool | None: ...

    def finished(self, event: Event) -> None: ...


PATIENCE_S = 3.0
"""That the phases around scoring and training, which are mostly short, may last unheard."""

Tell = Callable[[int, int], None]
"""Called with how many parts of a phase are done, and how many there are."""


def unheard(done: int, total: int) -> None:
    """Tell nobody."""


@contextmanager
def phase(listeners: Sequence[Listener], event: Event) -> Iterator[Tell]:
    """Tell listeners that a phase begins, and that it ends; the yielded function tells them how far it is."""

    def tell(done: int, total: int) -> None:
        for listener in listeners:
            listener.advanced(replace(event, done=done, total=total))

    for listener in listeners:
        listener.started(event)
    yield tell
    for listener in listeners:
        listener.finished(event)
