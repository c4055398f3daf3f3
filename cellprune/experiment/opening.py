"""What a run works with: settings -> task -> frames -> split, then -> network -> loaders. Nothing is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import nn

from cellprune import tasks
from cellprune.config.schema import Settings
from cellprune.data.batches import Loaders
from cellprune.data.parts import Frames, Parts
from cellprune.experiment import initial, least_memory
from cellprune.experiment.by_data import told_by_data
from cellprune.models.architecture import Architecture
from cellprune.models.own import Output
from cellprune.pruning.ranking.latency import LatencyTable
from cellprune.tasks import AnyTask
from cellprune.training import progress
from cellprune.training.fit import Loss, reseed
from cellprune.training.progress import PATIENCE_S, Event, Listener

_READING = Event("data", message="reading the data set", after_s=PATIENCE_S)


@dataclass(frozen=True)
class Opened:
    """Settings, and the data that they name: found and split, no pixel is read."""

    settings: Settings
    task: AnyTask
    frames: Frames
    split: Parts

    @property
    def architecture(self) -> Architecture:
        """The network that the settings ask for, on these data."""
        outputs = self.task.outputs(self.frames, self.settings.data)
        return Architecture.of(self.settings.model, in_channels=self.frames.channels, classes=outputs)

    @property
    def input_size(self) -> tuple[int, int, int]:
        """(channels, height, width) of what the network takes."""
        return self.task.input(self.frames, self.settings.data)

    def loaders(self, workers: int, device: torch.device) -> Loaders:
        """Read the parts as batches."""
        return self.task.loaders(self.frames, self.split, self.settings, workers, device)


@dataclass(frozen=True)
class Setup:
    """A network as its seed draws it, and all that it is scored and trained by.

    Attributes:
        table: what its layers take, where that decides; in the process that chooses.
    """

    opened: Opened
    architecture: Architecture
    network: nn.Module
    loaders: Loaders
    loss: Loss
    accelerator: Accelerator
    table: LatencyTable | None = None

    @property
    def settings(self) -> Settings:
        """What is computed."""
        return self.opened.settings

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self.accelerator.device


def open_data(
    settings: Settings, data_root: Path | None, listeners: Sequence[Listener] = (), frames: Frames | None = None
) -> Opened:
    """Find the data that the settings name, and split them.

    Args:
        frames: what is on disk, where it is known; the settings then name it.
    Raises:
        CellpruneError: no such data, or data that cannot be split so.
    """
    task = tasks.of(settings)
    with progress.phase(listeners, _READING):
        if frames is None:
            frames = task.open(settings.data, data_root)
        else:
            named = settings.data.model_copy(update={"dataset": frames.name})
            settings = settings.model_copy(update={"data": named})
        settings = told_by_data(settings, data_root, frames)
        parts = task.split(frames, settings.data)
        if settings.training.is_taught:
            parts = task.with_unannotated(frames, parts)
        return Opened(settings, task, frames, parts)


def set_up(opened: Opened, accelerator: Accelerator, workers: int = 0) -> Setup:
    """Draw the network and read the data, if both can fit into the memory at all.

    Raises:
        CellpruneError: they cannot, or a network or a file that cannot be used.
    """
    settings, architecture, device = opened.settings, opened.architecture, accelerator.device
    least_memory.require(architecture, settings, opened.input_size, device, accelerator.num_processes)
    # its name may be a typo: before any pixel
    network = drawn(architecture, settings.seed)
    require_usable(architecture, network, opened.input_size, opened.task.gives)
    if settings.training.init is not None:
        initial.put(network, settings.training.init)
    network.to(device)
    loaders, loss = opened.loaders(workers, device), opened.task.loss(settings.training.loss)
    return Setup(opened, architecture, network, loaders, loss, accelerator)


def require_usable(architecture: Architecture, network: nn.Module, image: tuple[int, int, int], gives: Output) -> None:
    """Refuse a network of the user's own that cannot be trained, before anything is read; see `models.own`.

    Raises:
        CellpruneError: it is another one at each call, does not take such images, or gives something else.
        WorkError: it gives NaN or infinity.
    """
    if architecture.own is not None:
        architecture.own.require_the_same(architecture.in_channels, architecture.classes)
        architecture.own.require_fit(network, image, architecture.classes, gives)


def drawn(architecture: Architecture, seed: int, *draw: int) -> nn.Module:
    """Draw a network from the seed; another `draw` gives other weights of the same distribution."""
    reseed(seed, *draw)
    return architecture.build()
