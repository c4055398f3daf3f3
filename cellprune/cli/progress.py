"""Watchers of a run for people: a bar on a terminal, a line an epoch in a log, curves for TensorBoard."""

import sys
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from cellprune.cli.terminal import console, tell
from cellprune.errors import CellpruneError
from cellprune.training.progress import Event, Listener
from cellprune.wording import printable


def shown() -> Listener:
    """Give the bar where standard error is a terminal, else lines that read well in a file."""
    return Bar() if sys.stderr.isatty() else Lines()


class Bar:
    """One bar: epoch, loss, held-out IoU, time left."""

    def __init__(self) -> None:
        self._console = console()
        self._progress: Progress | None = None
        self._task: Any = None

    def started(self, event: Event) -> None:
        if not event.total:
            self._console.print(printable(event.message or event.phase))
            return
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=self._console,
        )
        self._task = self._progress.add_task(_described(event), total=event.total, completed=event.done)
        self._progress.start()

    def advanced(self, event: Event) -> None:
        if self._progress is not None:
            self._progress.update(self._task, completed=event.done, description=_described(event))

    def finished(self, event: Event) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


class Lines:
    """A line at each start, and one at the end of an epoch."""

    def __init__(self) -> None:
        self._clock = monotonic()
        self._first = 0
        self._done = 0

    def started(self, event: Event) -> None:
        self._clock, self._first, self._done = monotonic(), event.done, event.done
        tell(event.message or f"{event.phase}: {event.epochs} epochs")

    def advanced(self, event: Event) -> None:
        if event.done == self._done or event.done * event.epochs != event.epoch * event.total:
            return  # within an epoch, or within an image
        self._done = event.done
        left = (monotonic() - self._clock) / (event.done - self._first) * (event.total - event.done)
        tell(f"{_described(event)}, {left / 60:.1f} min left")

    def finished(self, event: Event) -> None:
        if event.scores:
            tell(f"{event.phase} done{_score(event.scores)}")


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


def _described(event: Event) -> str:
    if not event.epochs:
        return printable(event.message or event.phase)
    loss = "" if event.loss is None else f", loss {event.loss:.4f}"
    return f"epoch {max(event.epoch, 1)}/{event.epochs}{loss}{_score(event.scores)}"


def _score(scores: Mapping[str, float | None]) -> str:
    told = {"iou_image_mean": "IoU", "validation_accuracy": "validation accuracy"}
    return "".join(
        f", {told[name]} {value:.4f}" for name, value in scores.items() if name in told and value is not None
    )
