"""Watchers of a run for people: a bar on a terminal, lines now and then in a log, curves for TensorBoard."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from cellprune.cli.heartbeat import Heartbeat
from cellprune.cli.terminal import console, tell
from cellprune.errors import CellpruneError
from cellprune.report.formatting import duration
from cellprune.training import progress
from cellprune.training.progress import PATIENCE_S, Event, Listener, Tell
from cellprune.wording import many, spoken

if TYPE_CHECKING:
    from rich.progress import Progress

_TENTHS = 10  # of what is counted, a line each


@contextmanager
def shown() -> Iterator[Listener]:
    """Give the bar where standard error is a terminal, else lines that read well in a file.

    However its work ends, nothing is said after it.
    """
    watcher = Bar() if sys.stderr.isatty() else Lines()
    try:
        yield watcher
    finally:
        watcher.close()


@contextmanager
def phase(message: str, *, after_s: float = 0.0) -> Iterator[Tell]:
    """Say what is under way for as long as it lasts; what is given says how far it is.

    Args:
        after_s: seconds that it may last before anything is said.
    """
    with shown() as watcher, progress.phase([watcher], Event("", message=message, after_s=after_s)) as count:
        yield count


@contextmanager
def loading() -> Iterator[None]:
    """Say so where the libraries of a command take long to load, as from a cold disk or beside other work."""
    with phase("loading PyTorch and the libraries that go with it", after_s=PATIENCE_S):
        yield


class Bar:
    """One bar: epoch, loss, held-out IoU, time left; it moves to and fro where nothing can be counted."""

    def __init__(self) -> None:
        self._console = console()
        self._progress: Progress | None = None
        self._task: Any = None
        self._beat = Heartbeat(self._begin)
        self._event = Event("")

    def started(self, event: Event) -> None:
        self.close()
        if event.phase == "note":
            self._console.print(spoken(event.message))
            return
        self._event = event
        if event.after_s:
            self._beat.start(event.after_s)
        else:
            self._begin()

    def advanced(self, event: Event) -> None:
        self._event = event
        if self._progress is not None:
            self._progress.update(
                self._task, completed=event.done, total=event.total or None, description=described(event)
            )

    def finished(self, event: Event) -> None:
        if self._progress is not None and not self._event.total:
            self._progress.update(self._task, completed=1, total=1)
        self.close()

    def close(self) -> None:
        """Draw no more."""
        self._beat.stop()
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _begin(self) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        self._beat.stop()
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=self._console,
        )
        event = self._event
        self._task = self._progress.add_task(described(event), total=event.total or None, completed=event.done)
        self._progress.start()


class Lines:
    """A line at each start and each end of an epoch, at each tenth of what is counted, and after every silence."""

    def __init__(self) -> None:
        self._beat = Heartbeat(self._again)
        self._event = Event("")
        self._clock = monotonic()
        self._first = self._said = 0

    def started(self, event: Event) -> None:
        if event.phase == "note":
            self._say(event.message)
            return
        self._event, self._clock, self._first, self._said = event, monotonic(), event.done, event.done
        self._beat.start(event.after_s or None)
        if not event.after_s:
            self._say(event.message or f"{event.phase}: {many(event.epochs, 'epoch')}")

    def advanced(self, event: Event) -> None:
        self._event = event
        if event.done != self._said and _is_worth_a_line(event, self._said):
            self._said = event.done
            self._say(f"{described(event)}{self._left(event)}")

    def finished(self, event: Event) -> None:
        self.close()
        if event.scores:
            self._say(f"{event.phase} done{_score(event.scores)}")

    def close(self) -> None:
        """Say no more."""
        self._beat.stop()

    def _again(self) -> None:
        event = self._event
        self._say(f"{described(event)}, for {duration(monotonic() - self._clock)} now{self._left(event)}")

    def _left(self, event: Event) -> str:
        """How long the rest would take at the pace so far, where that can be told."""
        if not self._first < event.done < event.total and not event.epochs:
            return ""
        pace = (monotonic() - self._clock) / max(1, event.done - self._first)
        return f", {pace * (event.total - event.done) / 60:.1f} min left"

    def _say(self, line: str) -> None:
        self._beat.heard()
        tell(line)


class Inside:
    """Tells the watcher of a phase which part of it is under way."""

    def __init__(self, watcher: Listener, whole: Event) -> None:
        self._watcher, self._whole = watcher, whole

    def started(self, event: Event) -> None:
        self.advanced(event)

    def advanced(self, event: Event) -> None:
        self._watcher.advanced(replace(self._whole, message=f"{self._whole.message}: {described(event)}"))

    def finished(self, event: Event) -> None:
        """The next part tells of itself."""


class Whereabouts:
    """Remembers where the one training of this process is; of workers elsewhere it hears nothing."""

    def __init__(self) -> None:
        self.at = ""

    def started(self, event: Event) -> None:
        self.at = described(event)

    def advanced(self, event: Event) -> None:
        self.at = described(event)

    def finished(self, event: Event) -> None:
        self.at = ""


class Curves:
    """TensorBoard's files; the extra `tensorboard` brings its library."""

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise CellpruneError("--tensorboard needs its library: pip install 'cellprune[tensorboard]'") from None
        self._writer = SummaryWriter(str(folder))

    def started(self, event: Event) -> None:
        """Nothing to draw yet."""

    def advanced(self, event: Event) -> None:
        if event.loss is not None:
            self._writer.add_scalar("loss", event.loss, event.done)
        for name, value in event.scores.items():
            if value is not None:
                self._writer.add_scalar(name, value, event.done)

    def finished(self, event: Event) -> None:
        self._writer.flush()


def _is_worth_a_line(event: Event, said: int) -> bool:
    """Whether an epoch ended, or another tenth of what is counted is done since `said` was."""
    if event.epochs:
        return event.done * event.epochs == event.epoch * event.total
    return event.total > 1 and event.done * _TENTHS // event.total > said * _TENTHS // event.total


def described(event: Event) -> str:
    """Say where a phase is: its epoch, or how much of what is counted is done."""
    if event.epochs:
        loss = "" if event.loss is None else f", loss {event.loss:.4f}"
        earlier = f" (epoch {event.scored_epoch})" if 0 < event.scored_epoch < event.epoch else ""
        return f"epoch {max(event.epoch, 1)}/{event.epochs}{loss}{_score(event.scores)}{earlier}"
    counted = f", {event.done} of {event.total} done" if event.total > 1 else ""
    return spoken(f"{event.message or event.phase}{counted}")


def _score(scores: Mapping[str, float | None]) -> str:
    names = {"iou_image_mean": "IoU", "validation_accuracy": "validation accuracy"}
    return "".join(
        f", {names[name]} {value:.4f}" for name, value in scores.items() if name in names and value is not None
    )
