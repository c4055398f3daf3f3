"""Images of one class each: the score is the share that gets its class."""

from collections.abc import Sequence
from dataclasses import asdict
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cellprune.config.data import Data
from cellprune.config.schema import Settings
from cellprune.data.labelled import own
from cellprune.data.labelled import sets as labelled
from cellprune.data.labelled.loaders import Loaders
from cellprune.data.labelled.normalization import Normalization, normalization
from cellprune.data.labelled.pictures import Arrays
from cellprune.data.labelled.sets import HeldOut, Labelled, Parts
from cellprune.data.labelled.streamed import n_threads, reading_s
from cellprune.data.parts import Part
from cellprune.errors import CellpruneError, ScarceError
from cellprune.images.read import Floats
from cellprune.machine.memory import available_bytes
from cellprune.models.loaded import Header
from cellprune.report.formatting import duration
from cellprune.runs.scores import ClassificationScores, ClassScores
from cellprune.structure.modes import evaluating
from cellprune.tasks import Task
from cellprune.training.distillation import agreement
from cellprune.training.fit import Loss, NamedScores
from cellprune.training.norms import reestimate
from cellprune.training.progress import Tell, unheard
from cellprune.wording import many


def _open(data: Data, data_root: Path | None) -> Labelled:
    if data.is_own:
        return own.labelled_of(data.dataset, data.source_sha256, data.given_size)
    test = HeldOut(data.holdout, data.split_seed)
    return labelled.open_labelled(data.dataset, data_root=data_root, size=data.given_size, test=test)


def _split(dataset: Labelled, data: Data) -> Parts:
    return labelled.split(dataset, holdout=data.holdout, seed=data.split_seed, select_share=data.select)


def _whole(dataset: Labelled, _: Data) -> Parts:
    return labelled.whole(dataset)


def _preview(dataset: Labelled, parts: Parts) -> list[str]:
    lines = [
        f"learning from {len(parts.train)} images of {len(dataset.classes)} classes; {len(parts.select)} are set apart "
        f"to watch the training, {len(parts.report)} are the test"
    ]
    if not isinstance(dataset.pictures, Arrays):
        lines.append(
            f"images are read while the network trains: all {len(parts.train)} take about "
            f"{duration(reading_s(dataset, parts.train))} with {many(n_threads(dataset, 0), 'thread')}"
        )
    return lines


def _loaders(_: Labelled, parts: Parts, settings: Settings, workers: int, device: torch.device) -> Loaders:
    training = settings.training
    return Loaders(
        parts,
        batch_size=training.batch_size,
        seed=settings.seed,
        device=device,
        augment=training.augment,
        workers=workers,
    )


def _unlabelled(dataset: Labelled, parts: Parts, settings: Settings) -> Sequence[Floats]:
    """Give the training part as it is learned from; all of it is held in memory.

    Raises:
        ScarceError: it does not fit there.
    """
    needed = 4 * len(parts.train) * prod(_input(dataset, settings.data))
    if needed > (free := available_bytes(torch.device("cpu"))):
        raise ScarceError(
            f"{many(len(parts.train), 'image')} of {dataset.name} take {needed / 2**30:,.1f} GiB, and "
            f"{free / 2**30:,.1f} GiB are free: lower data.size, or give fewer images"
        )
    loaders = _loaders(dataset, parts, settings, 0, torch.device("cpu"))
    return [image.numpy() for images, _ in loaders.batches("train") for image in images]


def _input(dataset: Labelled, _: Data) -> tuple[int, int, int]:
    return (dataset.channels, *dataset.size)


def _loss(_: str) -> Loss:
    return lambda output, target: F.cross_entropy(output.float(), target)


def _header(dataset: Labelled, settings: Settings) -> Header:
    own = normalization(dataset, _split(dataset, settings.data).train)
    return {
        "output": "class",
        "input_axes": "NCHW",
        "classes": list(dataset.classes),
        "decision_rule": "argmax",
        "normalization": {"name": "fixed", "per": "channel", "of": "values in 0..1"} | asdict(own),
        "network_size_px": list(dataset.size),
    }


def scores(
    network: nn.Module, loaders: Loaders, part: Part, header: Header | None = None, tell: Tell = unheard
) -> ClassificationScores:
    """Count what each class's images are taken for.

    Args:
        network: in the state it is judged in; its mode is kept.
        part: "train", "select" or "report".
        header: of the file that the network was loaded from, by which its images are normalized; None for the loaders'.
        tell: told of the images that are done.
    """
    targets, taken_for = _taken_for(network, loaders, part, header, tell)
    n_classes = len(loaders.classes)
    counted = torch.bincount(targets * n_classes + taken_for, minlength=n_classes**2)
    confusion = tuple(map(tuple, counted.reshape(n_classes, n_classes).tolist()))
    classes = tuple(
        ClassScores(
            name=name,
            images=sum(row),
            correct=row[k],
            accuracy=row[k] / sum(row) if sum(row) else None,
            right="".join("01"[answer] for answer in (taken_for[targets == k] == k).tolist()),
        )
        for k, (name, row) in enumerate(zip(loaders.classes, confusion, strict=True))
    )
    known = [row.accuracy for row in classes if row.accuracy is not None]
    accuracy = sum(row.correct for row in classes) / sum(row.images for row in classes)
    return ClassificationScores(
        task="classification",
        policy=None,
        part=part,
        classes=classes,
        confusion=confusion,
        summary={"accuracy": accuracy, "accuracy_class_mean": sum(known) / len(known)},
    )


def watch(network: nn.Module, loaders: Loaders, _: Part) -> NamedScores:
    """Give the accuracy on the validation part, whatever is judged at the end: the test images are looked at once."""
    reestimate(network, loaders.plain())
    targets, taken_for = _taken_for(network, loaders, "select")
    return {"validation_accuracy": float((targets == taken_for).double().mean())}


@torch.no_grad()
def _taken_for(
    network: nn.Module, loaders: Loaders, part: Part, header: Header | None = None, tell: Tell = unheard
) -> tuple[Tensor, Tensor]:
    """Give every image's class and the one it is taken for: (N,) int64 each, in the order of the part, on the CPU."""
    device = next(network.parameters()).device
    _require_size(loaders, header)
    learned: Any = None if header is None else header.get("normalization")
    own = None if learned is None else Normalization(tuple(learned["mean"]), tuple(learned["deviation"]))
    answers, n_done = list[tuple[Tensor, Tensor]](), 0
    with evaluating(network):
        for images, classes in loaders.batches(part, own):
            answers.append((classes.cpu(), network(images.to(device)).argmax(1).cpu()))
            n_done += len(classes)
            tell(n_done, len(loaders.parts.part(part)))
    targets, taken_for = zip(*answers, strict=True)
    return torch.cat(targets), torch.cat(taken_for)


def _require_size(loaders: Loaders, header: Header | None) -> None:
    """Refuse images of another size than the network learned from: its answers would mean nothing."""
    learned: Any = None if header is None else header.get("network_size_px")
    if learned is not None and tuple(learned) != loaders.size:
        raise CellpruneError(
            f"the network learned from images of {learned[0]} x {learned[1]} px, but {loaders.parts.dataset.name} has "
            f"{loaders.size[0]} x {loaders.size[1]}: evaluate it on data like those it was trained on"
        )


TASK = Task(
    open=_open,
    split=_split,
    with_unannotated=lambda _, parts: parts,
    whole=_whole,
    again=labelled.again,
    preview=_preview,
    recordings=lambda _: (),
    loaders=_loaders,
    unlabelled=_unlabelled,
    input=_input,
    outputs=lambda dataset, _: len(dataset.classes),
    gives="classes",
    loss=_loss,
    loss_of_annotated=lambda loss: loss,
    agreement=lambda _, temperature: agreement(probabilities=True, temperature=temperature),
    scores=scores,
    watch=watch,
    tune=None,
    decoded_by=lambda loaders, _: loaders,
    header=_header,
    decoding=lambda _: {},
)
