"""What an earlier call left of a run: whether it is the run that is asked for, and what of it must be made again."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from cellprune.config import load as config
from cellprune.config import names, own
from cellprune.config.data import Data
from cellprune.config.pruning import Pruning
from cellprune.config.schema import Settings
from cellprune.data.sets.named import restored
from cellprune.errors import CellpruneError
from cellprune.experiment.opening import Opened, Setup
from cellprune.experiment.work import Trained
from cellprune.models.architecture import Architecture
from cellprune.pruning.kinds import Segments
from cellprune.runs import log
from cellprune.runs.documents import plain
from cellprune.runs.folder import FILES, Folder
from cellprune.runs.split import Split, change
from cellprune.training.checkpoint import Checkpoint
from cellprune.training.stages import Stage


def settings_of(folder: Folder) -> Settings:
    """Give the settings of a run, of this version or an older one."""
    return config.recorded(folder.read_config(), str(folder.file("config")))


def data_of(settings: Settings, dataset: str | None) -> tuple[Data, bool]:
    """Give the data that a finished run is used on, and whether these are its own.

    A run never makes the code of its data run: who wants it run names it again.

    Args:
        settings: of the run.
        dataset: what a person named; None for the run's own.
    Raises:
        CellpruneError: the run's own come of code that nobody named, or that changed.
    """
    of_run = settings.data
    if dataset is None:
        if of_run.is_own:
            raise CellpruneError(
                f"the images are of {own.short(of_run.dataset)}, code of your own, which no run makes run: name it by "
                "--dataset FILE.py:NAME"
            )
        return of_run, True
    named = of_run.model_copy(update={"dataset": dataset, "source_sha256": None}).with_code_told()
    if not of_run.is_own or own.short(dataset) != own.short(of_run.dataset):
        return named, False
    if named.source_sha256 != of_run.source_sha256:
        raise CellpruneError(
            f"the source has changed: the images are of another content of {own.short(dataset)} than {dataset} has "
            "now: give the file as it was"
        )
    return named, True


def known_by(folder: Folder, opened: Opened) -> Opened:
    """Take data for those that an older run began with, by what was hashed then; says where that is less."""
    if not folder.holds("split") or (parts := opened.split.known_by(folder.read_split())) is opened.split:
        return opened
    log.LOGGER.warning(
        f"{folder.path} was begun by a version that hashed names and sizes of images, not their content: if a file "
        "changed since and kept its size, nothing tells"
    )
    return replace(opened, split=parts)


def require_same(folder: Folder, settings: Settings, split: Split) -> None:
    """Refuse a run of other settings or data; where a file that tells them is lost, the hash of both tells.

    Raises:
        CellpruneError: they differ, or nothing tells them any more.
    """
    if has_hash_of(folder, settings, split):
        return
    for kind in ("config", "split"):
        if not folder.holds(kind) and (folder.has_work or folder.holds("provenance")):
            raise CellpruneError(
                f"{folder.file(kind)} is gone or damaged, and it cannot be told whether this is the run that was "
                "started there: restore it, give the same settings and data, or give another --output"
            )
    if folder.holds("config"):
        try:
            theirs = config.recorded(folder.read_config())
        except config.ConfigError as error:
            raise config.ConfigError(
                f"{folder.file('config')} is damaged ({error}): restore it, or give another --output"
            ) from error
        if changed := config.differences(settings, theirs):
            raise config.ConfigError(
                f"{folder.path} was started with other settings ({'; '.join(changed)}): give the same, or another "
                "--output"
            )
    if folder.holds("split") and folder.read_split() != split:
        what = change(folder.read_split(), split)
        raise CellpruneError(
            f"the data changed since {folder.path} was started{f' ({what})' * bool(what)}: {restored(split.dataset)}, "
            "or give another --output"
        )


def has_hash_of(folder: Folder, settings: Settings, split: Split) -> bool:
    """Tell whether the record names these settings and these data, by their hash."""
    is_told = folder.holds("provenance")
    return is_told and folder.read_provenance().data.sha256 == config.digest(settings, plain(split))


def missing(folder: Folder, settings: Settings) -> set[str]:
    """Name the kinds of files that a finished run has and this folder does not hold, whole and readable."""
    pruning = settings.pruning
    unwritten = {"log"} if pruning.method != "dense" and not pruning.stands_in else {"log", "masks"}
    unwritten |= set() if pruning.times_layers else {"layer_times"}
    unwritten |= set() if settings.tunes else {"tuning"}
    unwritten |= set() if settings.model.is_own else {"network"}
    gone = {kind for kind in FILES.keys() - unwritten if not folder.holds(kind)}
    return gone if "metrics" in gone or _tells_every_epoch(folder) else gone | {"metrics"}


def _tells_every_epoch(folder: Folder) -> bool:
    """Tell whether metrics.csv, which can be read, has a row for every epoch that the record counts."""
    made = folder.read_provenance() if folder.holds("provenance") else None
    if made is None or made.epochs is None:
        return True
    return len(folder.read_metrics()) == made.epochs - made.epochs_of_masks


def is_complete(folder: Folder, settings: Settings) -> bool:
    """Tell whether the run is complete, but for what is lost and costs no work.

    Raises:
        CellpruneError: it was finished and has lost what nothing is left to make it from.
    """
    if not (folder.holds("provenance") and folder.finished):
        return False
    gone = missing(folder, settings)
    if not folder.has_state and (never := [kind for kind in ("model", "metrics") if kind in gone]):
        raise CellpruneError(
            f"{folder.file(never[0])} is gone or damaged, and the run is finished, so no training state is left to "
            "make it from: restore it, or train again in another --output"
        )
    return not gone - {"config", "network", "split", "report"}


def was_trained(folder: Folder) -> bool:
    """Tell whether the run was finished once: its network is there, and the states it came from are not."""
    return not folder.has_state and all(map(folder.holds, ("model", "metrics"))) and _tells_every_epoch(folder)


def trained(folder: Folder, setup: Setup) -> tuple[Setup, Trained]:
    """Bring the network to the weights of a run that was finished once, and to the channels that it kept.

    Raises:
        CellpruneError: the model file is of another network.
    """
    header, weights, packed = folder.read_model()
    masks = {name: torch.from_numpy(mask) for name, mask in packed.items()}
    try:
        kept = Architecture.read(header["architecture"], setup.architecture.own).kept
        if kept is not None:  # then the file has no masks: these say the same
            masks = kept.masks({name: p.shape for name, p in setup.network.named_parameters()})
            architecture = replace(setup.architecture, kept=kept)
            setup = replace(setup, architecture=architecture, network=architecture.left_of(setup.network))
        setup.network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    except (CellpruneError, RuntimeError, ValueError, LookupError) as error:
        raise CellpruneError(
            f"{folder.file('model')} is of another network than the run's settings: restore it, or train again in "
            "another --output"
        ) from error
    setup.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return setup, Trained(masks, folder.read_metrics())


def segments(folder: Folder) -> Segments | None:
    """Give what memory allowed when the run was begun; None where no record tells it."""
    return dict(folder.read_provenance().segments) if folder.holds("provenance") else None


def checkpoint(folder: Folder, network: nn.Module, stages: Sequence[Stage]) -> Checkpoint | None:
    """Give the last state of the run's trainings that fits the network; None where there is none."""

    def check(arrays: Mapping[str, np.ndarray], meta: Mapping[str, object]) -> None:
        state = Checkpoint(arrays, meta)
        state.require_fit(network)
        if not 1 <= state.epoch <= stages[state.stage].epochs:
            raise ValueError("it is of a longer training")

    stored = folder.load_state(check)
    if stored is None and folder.has("metrics"):
        log.LOGGER.warning("%s holds no complete state any more: its training begins anew", folder.path)
    return None if stored is None else Checkpoint(*stored)


def epochs_spent(pruning: Pruning) -> int:
    """Count the epochs that given masks took to find: those of a run that learned them around or during training."""
    if pruning.masks is None or not (run := Folder(pruning.masks)).has("config"):
        return 0
    learned = names.method(settings_of(run).pruning.method).when in ("around", "during")
    return run.read_provenance().epochs or 0 if learned else 0
