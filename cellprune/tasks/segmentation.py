"""Cells in images: every pixel is background, cell, or unknown, and the score is the overlap of the maps."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median_low
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cellprune.config.schema import Data, Settings
from cellprune.data.augment import Strength
from cellprune.data.frames import Dataset
from cellprune.data.images import read_header
from cellprune.data.loaders import Loaders, Sample
from cellprune.data.open import open_dataset
from cellprune.data.split import PARTS, Part, Split, from_dict, split, whole
from cellprune.errors import CellpruneError
from cellprune.evaluation import iou
from cellprune.report import pictures
from cellprune.structure.modes import evaluating
from cellprune.tasks import Task
from cellprune.training import losses
from cellprune.training.statistics import reestimate


def _open(data: Data, data_root: Path | None) -> Dataset:
    return open_dataset(data.dataset, data_root=data_root, classes=data.classes)


def _split(dataset: Dataset, data: Data) -> Split:
    return split(
        dataset,
        how=data.split,
        holdout=data.holdout,
        seed=data.split_seed,
        policy=data.truth,
        select_share=data.select,
        fold=data.fold,
    )


def _whole(dataset: Dataset, data: Data) -> Split:
    return whole(dataset, policy=data.truth)


def _again(dataset: Dataset, written: Mapping[str, Any], part: str) -> Split:
    found = from_dict(written, dataset)
    frames = {"report": found.report, "train": found.train, "all": (*found.train, *found.select, *found.report)}[part]
    return replace(found, report=tuple(frame for frame in frames if frame.gold))


def _recordings(parts: Split) -> tuple[str, ...]:
    return tuple(sorted({frame.sequence for part in PARTS for frame in parts.part(part)}))


def _loaders(dataset: Dataset, parts: Split, settings: Settings, workers: int, _: torch.device) -> Loaders:
    data = settings.data
    return Loaders(
        parts,
        size=data.size,
        batch_size=settings.training.batch_size,
        seed=settings.seed,
        workers=workers,
        augment=cast(Strength, settings.training.augment),
        ignore_border_px=_border_px(dataset) if data.ignore_border else 0,
        channels=dataset.channels,
        classes=dataset.classes,
    )


def _border_px(dataset: Dataset) -> int:
    if not dataset.field_of_interest_px:
        raise CellpruneError(f"{dataset.name} has no known field of interest: leave --ignore-border away")
    return dataset.field_of_interest_px


def _input(dataset: Dataset, data: Data) -> tuple[int, int, int]:
    return (dataset.channels, *data.size)


def _network(dataset: Dataset) -> dict[str, int]:
    return {"in_channels": dataset.channels, "classes": len(dataset.classes)}


def _header(dataset: Dataset, settings: Settings) -> dict[str, Any]:
    # frames of several sizes are zoomed unlike; the middle one stands for them
    sizes = [read_header(frame.image).size for frame in dataset.gold_frames]
    height, width = (median_low(sides) for sides in zip(*sizes, strict=True))
    return {
        "input_axes": "NCHW",
        "classes": list(dataset.classes),
        "decision_rule": "argmax",
        "normalization": {"name": "zero-mean-unit-variance", "per": "image", "when": "after resizing"},
        "network_size_px": list(settings.data.size),
        "zoom": [settings.data.size[0] / height, settings.data.size[1] / width],
        "pixel_size_um": None if dataset.pixel_size_um is None else list(dataset.pixel_size_um),
    }


def scores(network: nn.Module, loaders: Loaders, part: str) -> dict[str, Any]:
    """Score a network on every image of a part, at the network's size and at the native one.

    Args:
        network: in the state it is judged in; its mode is kept.
        part: "train", "select" or "report".
    Returns:
        part, images (counts per class, so that any IoU can be made later), summary and three pictures: see
        `scores.json` in the run folder.
    """
    images: list[dict[str, Any]] = []
    drawn: dict[str, tuple[Sample, np.ndarray]] = {}
    for sample, probabilities in _predictions(network, loaders, part):
        small = probabilities.argmax(1)[0].cpu().numpy()
        # mapped back first, decided then: labels are never interpolated
        native = F.interpolate(probabilities, sample.target_native.shape, mode="bilinear", align_corners=False)
        large = native.argmax(1)[0].cpu().numpy()
        frame = sample.frame
        for size, prediction, target in (("256", small, sample.target), ("native", large, sample.target_native)):
            where = {"id": frame.id, "sequence": frame.sequence, "frame": frame.number, "size": size}
            images.append(where | iou.counts(prediction, np.asarray(target), loaders.classes))
        drawn[frame.id] = (sample, large)
    return {
        "part": part,
        "images": images,
        "summary": iou.summary(images),
        "pictures": [_picture(rank, value, *drawn[name]) for rank, name, value in pictures.pick(images)],
    }


def watch(network: nn.Module, loaders: Loaders, part: str) -> dict[str, float | None]:
    """Give a part's IoUs at the network's size, with batch-norm statistics that fit the weights."""
    reestimate(network, loaders.plain())
    counted = []
    for sample, probabilities in _predictions(network, loaders, part):
        found = iou.counts(probabilities.argmax(1)[0].cpu().numpy(), np.asarray(sample.target), loaders.classes)
        counted.append({"id": sample.frame.id, "size": "256"} | found)
    return {name: value["256"] for name, value in iou.summary(counted).items()}


@torch.no_grad()
def _predictions(network: nn.Module, loaders: Loaders, part: str) -> Iterator[tuple[Sample, Tensor]]:
    """Give every image of a part with its class probabilities, (1, classes, h, w), in float32."""
    device = next(network.parameters()).device
    with evaluating(network):
        for sample in loaders.samples(cast(Part, part)):
            yield sample, network(sample.image.to(device)).softmax(1)


def _picture(rank: str, value: float, sample: Sample, prediction: np.ndarray) -> dict[str, Any]:
    png = pictures.overlay_png(sample.raw, prediction, sample.target_native)
    return {"id": sample.frame.id, "rank": rank, "iou": value, "png": base64.b64encode(png).decode()}


TASK = Task(
    open=_open,
    split=_split,
    whole=_whole,
    again=_again,
    recordings=_recordings,
    loaders=_loaders,
    input=_input,
    network=_network,
    loss=losses.of,
    scores=scores,
    watch=watch,
    header=_header,
)
