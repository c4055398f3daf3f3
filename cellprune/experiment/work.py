"""A run at work: what its steps have at hand, where they are recorded, and who watches."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

from cellprune.config.schema import Settings
from cellprune.data.parts import Part
from cellprune.experiment.opening import Setup
from cellprune.pruning.masks import Masks
from cellprune.runs import log
from cellprune.runs.folder import Folder
from cellprune.runs.metrics import Epoch
from cellprune.runs.provenance import Provenance
from cellprune.training import progress
from cellprune.training.progress import Event, Listener, Tell


@dataclass(frozen=True)
class Trained:
    """What a training leaves beside the network: the masks that it ended with, and all its epochs."""

    masks: Masks
    epochs: Sequence[Epoch]


@dataclass
class Work:
    """What every step of a run has at hand.

    Attributes:
        setup: with the network that is trained, which for a control is another than the settings ask for.
        made: the content of provenance.json; so it outlives the file.
        scores: folder in which scores are kept that other runs need, too; None where the run scores for itself.
    """

    setup: Setup
    folder: Folder
    listeners: Sequence[Listener]
    made: Provenance
    scores: Path | None = None

    @property
    def settings(self) -> Settings:
        """What is computed."""
        return self.setup.settings

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that writes."""
        return self.setup.accelerator.is_main_process

    @property
    def judged(self) -> Part:
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
        self.note(replace(self.made, times={**self.made.times, f"{phase}_s": round(seconds, 3)}))

    def note(self, made: Provenance) -> None:
        """Write down what is known by now of how the run was made."""
        self.made = made
        self.folder.write_provenance(made)
