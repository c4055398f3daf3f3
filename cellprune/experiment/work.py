"""What every step of a run has at hand, and the network that its settings ask for."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

from accelerate import Accelerator
from torch import Tensor, nn

from cellprune import models
from cellprune.config.schema import Settings
from cellprune.runs import log
from cellprune.runs.folder import Folder
from cellprune.runs.metrics import Epoch
from cellprune.runs.provenance import Provenance
from cellprune.tasks import Task
from cellprune.training import progress
from cellprune.training.fit import reseed
from cellprune.training.progress import Event, Listener, Tell


@dataclass
class Notes:
    """What a run has to write down of itself, as it goes on.

    Attributes:
        made: how it was made, so far.
        epochs: what came of each epoch, once the network is trained.
    """

    made: Provenance = field(init=False)
    epochs: Sequence[Epoch] = ()


@dataclass(frozen=True)
class Work:
    """What every step of a run has at hand.

    Attributes:
        notes: what the process that writes has to write, so that it outlives the files.
    """

    settings: Settings
    task: Task
    frames: Any
    loaders: Any
    loss: Callable[[Tensor, Tensor], Tensor]
    architecture: Mapping[str, Any]
    model: nn.Module
    folder: Folder
    engine: Accelerator
    listeners: Sequence[Listener]
    notes: Notes = field(default_factory=Notes)

    @property
    def judged(self) -> str:
        """The part the network is scored on: a run that sets frames apart to choose on never looks at the held-out."""
        return "select" if self.settings.data.select else "report"

    def say(self, lines: Sequence[str]) -> None:
        """Tell the listeners, and the run's log, what people want to know before the work."""
        for line in lines:
            log.LOGGER.info(line)
            for listener in self.listeners:
                listener.started(Event("note", message=line))

    @contextmanager
    def phase(self, name: str, message: str) -> Iterator[Tell]:
        """Tell the listeners and the log of a part of the work, and write its seconds into the record.

        What is given tells the listeners how far it is.
        """
        clock = perf_counter()
        log.LOGGER.info(message)
        with progress.phase(self.listeners, Event(name, message=message)) as tell:
            yield tell
        self.note_time(name, perf_counter() - clock)

    def note_time(self, phase: str, seconds: float) -> None:
        """Write the seconds of a part of the work into the record."""
        made = self.notes.made
        self.notes.made = replace(made, times={**made.times, f"{phase}_s": round(seconds, 3)})
        self.folder.write_provenance(self.notes.made)


def architecture_of(settings: Settings, task: Task, frames: Any) -> dict[str, Any]:
    """Give what the network of the settings is built from."""
    return {**settings.model.model_dump(), **task.network(frames)}


def initial_network(architecture: Mapping[str, Any], seed: int, *draw: int) -> nn.Module:
    """Draw a network from the seed; another `draw` gives other weights of the same distribution."""
    reseed(seed, *draw)
    return models.build(architecture)
