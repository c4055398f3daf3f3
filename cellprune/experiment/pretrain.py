"""The story of a pretraining: images without their truth become initial weights, in a file that a run can start from.

What a run of the same settings holds out is left out, so that its scores are of images that the network never saw.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn

from cellprune import tasks
from cellprune.config.pretraining import Pretraining
from cellprune.config.schema import Runtime, Settings
from cellprune.config.training import Training
from cellprune.data.cells.frames import Dataset, Frame
from cellprune.data.cells.split import without_truth
from cellprune.data.open import channels_of
from cellprune.data.parts import Frames, Parts
from cellprune.data.views import Views
from cellprune.errors import CellpruneError
from cellprune.experiment.opening import drawn, require_usable
from cellprune.experiment.whole_frames import is_size_open, with_size_told
from cellprune.files.naming import require_new
from cellprune.images.read import Floats
from cellprune.lab.inputs import find
from cellprune.models.architecture import Architecture
from cellprune.runs import documents, log, provenance, startfile
from cellprune.runs.lock import locked
from cellprune.runs.metrics import Epoch
from cellprune.runs.split import UNANNOTATED, FrameSplit
from cellprune.runs.startfile import Pretrained
from cellprune.runs.state import Check, States
from cellprune.structure.modes import evaluating
from cellprune.training.accelerator import start
from cellprune.training.byol import Byol, Following, mean_of_both
from cellprune.training.checkpoint import Checkpoint, arrays_of
from cellprune.training.fit import fit, reseed
from cellprune.training.precision import precision
from cellprune.training.progress import Event, Listener
from cellprune.training.representation import Representation, seen_by
from cellprune.wording import many

_FEWEST = 2  # images, of which a norm takes its statistics


@dataclass(frozen=True)
class _Source:
    """Images to learn from, without their truth.

    Attributes:
        settings: as they were asked, with the size that whole frames are brought to.
        images: each (C, h, w) float32, normalized, as a network learns from them.
        sha256: of each file.
        channels: of every image.
    """

    settings: Settings
    images: Sequence[Floats]
    sha256: tuple[str, ...]
    channels: int
    said: str


@dataclass(frozen=True)
class _Store:
    """Keeps the state of a pretraining beside its file, with what it is a state of."""

    states: States
    identity: str

    def save_state(self, tensors: Mapping[str, np.ndarray], meta: Mapping[str, object]) -> None:
        self.states.save(tensors, {**meta, "of": self.identity})

    def begun(self, byol: Byol, *, resume: bool) -> Checkpoint | None:
        """Give the last state of what was begun, if that is gone on with; None where nothing was.

        Raises:
            CellpruneError: something was begun, and going on is not asked for, or it is of other settings.
        """
        folder = self.states.folder
        if not self.states.are_there:
            return None
        if not resume:
            raise CellpruneError(f"{folder} holds a pretraining that was begun: go on with it by --resume")
        stored = self.states.load(self._require_fit(byol))
        assert stored is not None
        return Checkpoint(*stored)

    def _require_fit(self, byol: Byol) -> Check:
        def check(arrays: Mapping[str, np.ndarray], meta: Mapping[str, object]) -> None:
            if meta.get("of") != self.identity:
                raise CellpruneError(
                    f"{self.states.folder} was begun with other settings or images: give the same, or another --output"
                )
            Checkpoint(arrays, meta).require_fit(byol)

        return check

    def save_rewind(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Nothing: no later stage goes back."""

    def write_metrics(self, epochs: Sequence[Epoch]) -> None:
        """Nothing: the state tells them."""


def pretrain(
    settings: Settings,
    asked: Pretraining,
    listeners: Sequence[Listener] = (),
    *,
    output: Path,
    images: Path | None = None,
    runtime: Runtime | None = None,
    command: Sequence[str] = (),
) -> Pretrained:
    """Learn from images without their truth, and write initial weights for `training.init`.

    Args:
        settings: of which data, model and seed count.
        asked: how it learns.
        listeners: watch the training.
        output: the file to make; its state lies beside it until it is there.
        images: a folder of images, in the place of the data set; nothing of it is held out.
        runtime: the device, the data root, and whether to go on with what was begun.
        command: of the user.
    Raises:
        CellpruneError: refused before any work: no images, a file that is there already, or other settings than those
            that a state beside it was begun with.
        WorkError: failed on its way; `resume` goes on.
    """
    runtime = runtime or Runtime()
    is_there = output.exists() and runtime.resume
    if not is_there:
        require_new(output, kind="safetensors", suffix=startfile.SUFFIX)
    accelerator = start(runtime.device)
    if accelerator.num_processes > 1:
        raise CellpruneError("pretrain runs in one process: start it without torchrun")
    source = _source(settings, images, runtime.data_root)
    settings = source.settings
    if len(source.images) < _FEWEST:
        raise CellpruneError(f"there is {many(len(source.images), 'image')} to learn from: give {_FEWEST} or more")
    training = asked.training
    training = training.model_copy(update={"precision": precision(training.precision, accelerator.device)})
    told = _told(settings, asked, images)
    identity = _digest({"settings": told, "images": source.sha256, "precision": training.precision})
    states = States(output.with_name(f"{output.name}.state"))
    if is_there:
        states.drop()
        return _finished(output, told, source)
    for listener in listeners:
        listener.started(Event("note", message=source.said))
    # any number of classes: the output layer is not in the file
    architecture = Architecture.of(settings.model, in_channels=source.channels, classes=2)
    network = drawn(architecture, settings.seed)
    (channels, height, width), crop = source.images[0].shape, settings.data.crop
    require_usable(architecture, network, (channels, crop or height, crop or width), tasks.of(settings).gives)
    byol, untrained = _byol(network, source.images[0], settings)
    store = _Store(states, identity)
    with locked(states.folder):
        epochs = _trained(byol, source, settings, asked, training, accelerator, store, listeners, resume=runtime.resume)
        weights = {name: value for name, value in network.state_dict().items() if name not in untrained}
        made = Pretrained(
            settings=told, images=source.sha256, untrained=untrained, made=documents.plain(provenance.gather(command)),
            seconds=sum(epoch.seconds for epoch in epochs), loss=epochs[-1].loss,
        )  # fmt: skip
        startfile.write(output, arrays_of(weights), made)
        states.drop()
    with suppress(OSError):
        states.folder.rmdir()
    return made


def _trained(
    byol: Byol,
    source: _Source,
    settings: Settings,
    asked: Pretraining,
    training: Training,
    accelerator: Accelerator,
    store: _Store,
    listeners: Sequence[Listener],
    *,
    resume: bool,
) -> list[Epoch]:
    """Train from the beginning, or from what was begun; give all epochs."""

    def batches(epoch: int, rank: int, world: int) -> Views:
        return Views(source.images, settings.data.crop, asked.batch_size, settings.seed, epoch)

    return fit(
        byol,
        Following(asked.momentum, asked.epochs * len(batches(1, 0, 1))),
        batches,
        settings=training,
        epochs=asked.epochs,
        seed=settings.seed,
        loss=mean_of_both,
        evaluate=lambda _: {},
        accelerator=accelerator,
        store=store,
        listeners=listeners,
        checkpoint=store.begun(byol, resume=resume),
        message="pretraining",
    )


def _source(settings: Settings, folder: Path | None, data_root: Path | None) -> _Source:
    """Read what is learned from.

    Raises:
        CellpruneError: no such data, or an image that cannot be used.
    """
    task = tasks.of(settings)
    if folder is None:
        frames = task.open(settings.data, data_root)
        parts = task.with_unannotated(frames, task.split(frames, settings.data))
        held = "; what is held out is left out"
    else:
        if settings.task != "segmentation":
            raise CellpruneError(f"--images takes images of cells, and --task {settings.task} has sets: give --dataset")
        frames, parts = _of_folder(folder)
        held = ", none of them held out"
    if is_size_open(settings, folder):
        settings = with_size_told(settings, frames)
    read = task.unlabelled(frames, parts, settings)
    return _Source(
        settings=settings,
        images=read,
        sha256=_hashes(parts),
        channels=frames.channels,
        said=f"learning without truth from {many(len(read), 'image')}{held}",
    )


def _of_folder(folder: Path) -> tuple[Frames, Parts]:
    found, failures, _ = find([str(folder)])
    for failure in failures:
        log.LOGGER.warning("warning: %s", failure.why)
    if stack := next((image for image in found if image.plane is not None), None):
        raise CellpruneError(f"{stack.path} is a stack of images: save each image as a file of its own")
    frames = tuple(
        Frame(folder.name, folder.name, at, image.path, None, None, None, name=image.name)
        for at, image in enumerate(found)
    )
    channels = channels_of(folder.name, {image.path: image.header for image in found})
    dataset = Dataset(folder.name, folder, frames, channels=channels)
    return dataset, without_truth(dataset)


def _hashes(parts: Parts) -> tuple[str, ...]:
    written = parts.written()
    if not isinstance(written, FrameSplit):
        return (written.parts["train"].sha256,)
    return tuple(f.sha256["image"] for part in ("train", UNANNOTATED) for f in written.parts.get(part, ()))


def _told(settings: Settings, asked: Pretraining, images: Path | None) -> dict[str, object]:
    """Give what is computed, as plain values."""
    whole = settings.model_dump(mode="json")
    told = {key: whole[key] for key in ("task", "seed", "data", "model")} | {
        "pretraining": asked.model_dump(mode="json")
    }
    if images is not None:
        told["data"] = {key: whole["data"][key] for key in ("size", "crop", "normalization") if key in whole["data"]}
    return told


def _digest(content: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _byol(network: nn.Module, image: Floats, settings: Settings) -> tuple[Byol, tuple[str, ...]]:
    """Build what is trained around a network, and name the tensors of its output layer."""
    side = settings.data.crop
    shape = image.shape if side is None else (len(image), side, side)
    probe = torch.zeros(2, *shape)
    layers, output = seen_by(network, probe)
    representation = Representation(network, layers)
    with torch.no_grad(), evaluating(representation):
        size = representation(probe).shape[1]
    reseed(settings.seed, 1)
    untrained = tuple(name for name in network.state_dict() if name.startswith(f"{output}."))
    return Byol(representation, size), untrained


def _finished(output: Path, told: Mapping[str, object], source: _Source) -> Pretrained:
    made = startfile.read(output)[1]
    if (made.settings, made.images) != (told, source.sha256):
        raise CellpruneError(f"{output} was made with other settings or images: give the same, or another --output")
    log.LOGGER.warning("%s is finished already", output)
    return made
