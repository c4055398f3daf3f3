"""The teacher of a run: a trained network that fits the run, and that has learned from nothing the run holds out."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from cellprune.config.schema import Settings
from cellprune.errors import CellpruneError
from cellprune.experiment import earlier
from cellprune.experiment.opening import Opened, Setup
from cellprune.models import loaded
from cellprune.runs import log
from cellprune.runs.documents import plain
from cellprune.runs.finished import finished
from cellprune.runs.split import UNANNOTATED, FrameSplit, ImageSplit, Split, SplitFrame
from cellprune.training.distillation import Distillation
from cellprune.wording import many

_SHOWN = 4  # held-out frames that a message names
_SHAPE = {  # keys of a model file's header in which teacher and student must agree -> what older files mean
    "target": "classes",
    "classes": None,
    "normalization": {"name": "zero-mean-unit-variance", "per": "image", "when": "after resizing"},
}
_TELLING = ("percentiles", "limit", "fault", "mean", "deviation")  # numbers that set two normalizations apart


def require(opened: Opened) -> None:
    """Refuse a teacher that cannot teach this run, before any work; nothing to do without one.

    Raises:
        CellpruneError: its images or maps are others than the run's, it learned from what the run holds out, or it is
            no trained network.
    """
    path = opened.settings.training.teacher
    if path is None:
        return
    teacher, learned = read(opened.settings), learned_by(path)
    if learned is not None:
        _require_apart(path, learned, opened.split.written())  # first: another split has another normalization, too
    _require_alike(path, teacher, opened)
    if learned is None:
        log.warn_once(
            f"warning: it is not known what the teacher {path} learned from: if held-out images are among it, the "
            "scores flatter; give its run folder to have that checked"
        )


def read(settings: Settings) -> loaded.Loaded:
    """Read the teacher that the settings name; it may be of the network of the user's own that they name, too.

    Raises:
        CellpruneError: no such network.
    """
    model, path = settings.model, settings.training.teacher
    assert path is not None, "it is taught"
    return loaded.read(path, model.name if model.is_own else None, needs_it=False)


def distillation(setup: Setup) -> Distillation | None:
    """Give what is learned of the run's teacher; None where it has none."""
    training = setup.settings.training
    if training.teacher is None:
        return None
    network = read(setup.settings).network.requires_grad_(False)
    return Distillation(
        teacher=network.to(device=setup.device, memory_format=torch.channels_last),  # type: ignore[call-overload]
        agreement=setup.opened.task.agreement(setup.settings.data, training.teacher_temperature),
        weight=training.teacher_weight,
    )


def learned_by(path: Path) -> Sequence[Split] | None:
    """Give the splits that a trained network learned by: its own, and those of its teacher, and so on.

    Returns:
        None where it is not known: of a model file, or where a teacher's run is not there any more.
    """
    if not path.is_dir():
        return None
    run = finished(path)
    older = earlier.settings_of(run).training.teacher
    if older is None:
        return [run.read_split()]
    theirs = learned_by(older)
    return None if theirs is None else [run.read_split(), *theirs]


def _require_alike(path: Path, teacher: loaded.Loaded, opened: Opened) -> None:
    """Refuse a teacher of other images, or other maps."""
    ours: Mapping[str, object] = opened.task.header(opened.frames, opened.settings)
    pairs = {key: (teacher.header.get(key, older), ours.get(key, older)) for key, older in _SHAPE.items()}
    pairs["channels"] = (teacher.architecture.in_channels, opened.architecture.in_channels)
    pairs["output"] = (teacher.architecture.classes, opened.architecture.classes)
    told = {key: tuple(_said(plain(value)) for value in pair) for key, pair in pairs.items()}
    if differing := [f"{key} {its}, here {own}" for key, (its, own) in told.items() if its != own]:
        raise CellpruneError(
            f"the teacher {path} is of another shape than this run ({'; '.join(differing)}): give one that was trained "
            "on such images with the same settings of data"
        )
    its, own = (header.get("zoom") for header in (teacher.header, ours))
    if plain(its) != plain(own):
        log.warn_once(
            f"warning: the teacher {path} learned from images at a scale of {_said(plain(its))}, and here it is "
            f"{_said(plain(own))}: it may know such cells less well"
        )


def _said(value: object) -> str:
    match value:
        case {"name": str(name), **numbers}:
            return " ".join([name, *(f"{key} {_said(numbers[key])}" for key in _TELLING if key in numbers)])
        case [*parts]:
            return ", ".join(map(_said, parts))
        case float():
            return f"{value:.6g}"
        case _:
            return str(value)


def _require_apart(path: Path, learned: Sequence[Split], ours: Split) -> None:
    """Refuse a teacher that learned from what this run holds out."""
    if isinstance(ours, ImageSplit):
        if not all(isinstance(split, ImageSplit) and _learns_alike(split, ours) for split in learned):
            raise CellpruneError(
                f"the teacher {path} learned from other images than this run does, perhaps from some that are set "
                "apart here: give one of the same data set, data.holdout, data.select and --split-seed"
            )
        return
    hashes = {frame.sha256["image"] for split in learned if isinstance(split, FrameSplit) for frame in _of(split)}
    held_out = [frame for part in ("report", "select") for frame in ours.parts[part]]
    if known := [frame for frame in held_out if frame.sha256["image"] in hashes]:
        named = ", ".join(frame.name or f"{frame.sequence}/{frame.frame:03d}" for frame in known[:_SHOWN])
        named += f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
        raise CellpruneError(
            f"the teacher {path} learned from {many(len(known), 'frame')} that this run holds out ({named}): "
            "give one that was trained with the same --split, --split-seed and data.holdout"
        )


def _learns_alike(theirs: ImageSplit, ours: ImageSplit) -> bool:
    """Tell whether two splits learn from the same images; of folders an older version hashed less."""
    both = theirs.files.keys() & ours.files.keys()
    is_same = bool(both) and all(theirs.files[name] == ours.files[name] for name in both)
    return is_same and theirs.parts["train"] == ours.parts["train"]


def _of(split: FrameSplit) -> list[SplitFrame]:
    return [*split.parts["train"], *split.parts.get(UNANNOTATED, ())]
