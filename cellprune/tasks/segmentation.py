"""Cells in images: every pixel is background, cell, or unknown, and the score is the overlap of the maps.

What the network learns of a pixel, its class or more, is the target's affair (`cellprune.targets`).
"""

import base64
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import nn

from cellprune.config.data import Data
from cellprune.config.names import TARGETS
from cellprune.config.schema import Settings
from cellprune.data.cells.augment import Strength
from cellprune.data.cells.frames import Dataset
from cellprune.data.cells.loaders import Loaders, Sample
from cellprune.data.cells.preview import preview
from cellprune.data.cells.reader import image_alone
from cellprune.data.cells.split import PARTS, Split, from_written, split, whole, with_unannotated
from cellprune.data.open import open_dataset
from cellprune.data.parts import Part
from cellprune.errors import CellpruneError, ScarceError
from cellprune.evaluation import iou
from cellprune.images.network_input import KINDS, network_size, training_zoom
from cellprune.images.read import Floats, Labels, Target, read_header, resize_labels
from cellprune.lab.segment import decoded, pixel_classes
from cellprune.machine.memory import available_bytes
from cellprune.models.loaded import Header
from cellprune.report import pictures
from cellprune.runs import log
from cellprune.runs.modelcard import ModelCard, read_card
from cellprune.runs.scores import Picture, SegmentationScores
from cellprune.runs.split import FrameSplit
from cellprune.tasks import Task, cells, tuning
from cellprune.tasks.maps import with_maps
from cellprune.training import losses
from cellprune.training.distillation import agreement
from cellprune.training.fit import NamedScores
from cellprune.training.norms import reestimate
from cellprune.training.progress import Tell, unheard
from cellprune.wording import many


def _open(data: Data, data_root: Path | None) -> Dataset:
    return open_dataset(
        data.dataset,
        data_root=data_root,
        classes=data.classes,
        source_sha256=data.source_sha256 if data.is_own else None,
    )


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


def _again(dataset: Dataset, written: FrameSplit, part: str) -> Split:
    parts = from_written(written, dataset)
    frames = [frame for each in PARTS if part in (each, "all") for frame in parts.part(each)]
    return replace(parts, report=tuple(frame for frame in frames if frame.gold))


def _recordings(parts: Split) -> tuple[str, ...]:
    return tuple(sorted({frame.sequence for part in PARTS for frame in parts.part(part)}))


def _loaders(dataset: Dataset, parts: Split, settings: Settings, workers: int, _: torch.device) -> Loaders:
    data = settings.data
    for sentence in dataset.left_aside:
        log.warn_once(f"warning: {sentence}")
    card = _card(dataset, settings)
    if data.crop:
        _require_memory(parts, card)
    loaders = Loaders(
        parts,
        card=card,
        size=data.size,
        crop=data.crop,
        batch_size=settings.training.batch_size,
        steps_per_epoch=settings.training.steps_per_epoch,
        seed=settings.seed,
        workers=workers,
        augment=cast(Strength, settings.training.augment),
        ignore_border_px=_border_px(dataset) if data.ignore_border else 0,
        field_of_interest_px=dataset.field_of_interest_px or 0,
    )
    if not loaders.n_train:  # the network was trained already, and its file says how its maps are decoded
        return loaders
    return loaders.decoded_by(loaders.card.decoder_by(settings.decoder))


def _unlabelled(dataset: Dataset, parts: Split, settings: Settings) -> Sequence[Floats]:
    card, data = _card(dataset, settings), settings.data
    return [image_alone(frame, None if data.crop else data.size, card) for frame in (*parts.train, *parts.unannotated)]


def _require_memory(parts: Split, card: ModelCard) -> None:
    """Refuse frames that do not fit into the memory: all that crops are cut from are kept, however large they are.

    Raises:
        ScarceError: says how much they take.
    """
    frames = (*parts.train, *parts.unannotated)
    sizes = [network_size(read_header(frame.image).size, card.zoom) for frame in frames]
    classes_or_numbers = 1 if card.gives_probabilities else 4 * card.n_maps
    needed = sum(height * width for height, width in sizes) * (4 * card.in_channels + classes_or_numbers)
    if needed > (free := available_bytes(torch.device("cpu"))):
        raise ScarceError(
            f"{many(len(sizes), 'frame')} to cut crops from take at least {needed / 2**30:,.1f} GiB, and "
            f"{free / 2**30:,.1f} GiB are free: lower data.size, or leave data.crop out"
        )


def _border_px(dataset: Dataset) -> int:
    if not dataset.field_of_interest_px:
        raise CellpruneError(f"{dataset.name} has no known field of interest: remove --ignore-border")
    return dataset.field_of_interest_px


def _input(dataset: Dataset, data: Data) -> tuple[int, int, int]:
    return (dataset.channels, *data.network_size)


def _outputs(dataset: Dataset, data: Data) -> int:
    return len(TARGETS[data.target].maps or dataset.classes)


def _header(dataset: Dataset, settings: Settings) -> Header:
    sizes = [read_header(frame.image).size for frame in dataset.gold_frames or dataset.frames]
    return {
        "input_axes": "NCHW",
        "classes": list(dataset.classes),
        # an older version, which knows no target, must not take other maps for classes
        "decision_rule": "argmax" if settings.data.target == "classes" else "decoder",
        "target": settings.data.target,
        "normalization": KINDS[settings.data.normalization].header(),
        "network_size_px": list(settings.data.network_size),
        "zoom": list(_zoom(sizes, settings.data)),
        "pixel_size_um": None if dataset.pixel_size_um is None else list(dataset.pixel_size_um),
    }


def _zoom(sizes: Sequence[tuple[int, int]], data: Data) -> tuple[float, float]:
    if data.fits is None:
        return 1.0, 1.0
    zoom = training_zoom(sizes, data.fits)
    return (min(zoom), min(zoom)) if data.crop else zoom


def _card(dataset: Dataset, settings: Settings) -> ModelCard:
    """Give the card that the model file of this training will have, as far as scoring asks."""
    architecture = {"in_channels": dataset.channels, "classes": _outputs(dataset, settings.data)}
    return read_card({"architecture": architecture, **_header(dataset, settings)}, dataset.name)


def scores(
    network: nn.Module, loaders: Loaders, part: Part, header: Header | None = None, tell: Tell = unheard
) -> SegmentationScores:
    """Score the labels that `predict` would write of every image of a part, and what they are made from.

    Of the target "classes" every pixel counts as the network calls it, specks that `predict` drops included.

    Args:
        network: in the state it is judged in; its mode is kept.
        part: "train", "select" or "report".
        header: of the file that the network was loaded from, which says how it sees images; None for the loaders' card.
        tell: told of each image that is done.
    Returns:
        Counts per class of each image, so that any IoU can be made later, at the network's size and at the native one;
        their summary, and pictures. Cells are counted and shown at native size where there are two classes; else the
        pictures show classes, for truth of more classes tells cells apart by class and not by number.
    """
    images: list[iou.ScoredImage] = []
    drawn: dict[str, tuple[Sample, np.ndarray]] = {}
    found: list[tuple[Sample, Labels]] = []
    card = loaders.card if header is None else read_card(header, "the network")
    for sample, maps in with_maps(network, loaders.samples(part), card):
        frame, truth = sample.frame, sample.target_native
        native = pixel_classes(card, maps, (truth.shape[0], truth.shape[1]), pixel_area=1)
        counted = _scored(sample, "native", native, truth, card)
        is_native = maps.shape[1:] == truth.shape  # then there is one size, and nothing to do twice
        images += [replace(counted, size="network") if is_native else _at_network_size(sample, maps, card), counted]
        drawn[frame.id] = (sample, native)
        found.append((sample, decoded(card, maps, (truth.shape[0], truth.shape[1])).labels.astype(np.int32)))
        tell(len(drawn), len(loaders.frames(part)))
    cell_scores, cell_pictures = (
        cells.scored(found, field_of_interest_px=loaders.field_of_interest_px)
        if len(card.classes) == 2
        else (None, None)
    )
    drawn_classes = () if cell_pictures else pictures.pick(images)
    return SegmentationScores(
        task="segmentation",
        policy=loaders.policy,
        part=part,
        images=tuple(images),
        summary=iou.summary(images),
        pictures=tuple(_picture(rank, value, *drawn[name]) for rank, name, value in drawn_classes),
        cells=cell_scores,
        cell_pictures=cell_pictures,
    )


def watch(network: nn.Module, loaders: Loaders, part: Part) -> NamedScores:
    """Give a part's IoUs at the network's size, with batch-norm statistics that fit the weights."""
    reestimate(network, loaders.plain())
    card = loaders.card
    images = [_at_network_size(sample, maps, card) for sample, maps in with_maps(network, loaders.samples(part), card)]
    return {name: value["network"] for name, value in iou.summary(images).items()}


def _scored(sample: Sample, size: iou.Size, prediction: np.ndarray, target: Target, card: ModelCard) -> iou.ScoredImage:
    """Count one image at one size."""
    frame, counted = sample.frame, iou.counts(prediction, target, card.classes)
    return iou.ScoredImage(frame.id, frame.sequence, frame.number, size, counted, iou.ignored_px(target))


def _at_network_size(sample: Sample, maps: Floats, card: ModelCard) -> iou.ScoredImage:
    """Count one image as the network takes it in, truth and prediction alike."""
    size, truth = (maps.shape[1], maps.shape[2]), sample.target_native
    prediction = pixel_classes(card, maps, size, pixel_area=truth.size / (size[0] * size[1]))
    return _scored(sample, "network", prediction, resize_labels(truth, size), card)


def _picture(rank: str, value: float, sample: Sample, prediction: np.ndarray) -> Picture:
    png = pictures.overlay_png(sample.raw, prediction, sample.target_native)
    return Picture(sample.frame.id, rank, value, base64.b64encode(png).decode())


TASK = Task(
    open=_open,
    split=_split,
    with_unannotated=with_unannotated,
    whole=_whole,
    again=_again,
    preview=preview,
    recordings=_recordings,
    loaders=_loaders,
    unlabelled=_unlabelled,
    input=_input,
    outputs=_outputs,
    gives="maps",
    loss=losses.of,
    loss_of_annotated=losses.of_annotated,
    agreement=lambda data, temperature: agreement(
        probabilities=TARGETS[data.target].probabilities, temperature=temperature
    ),
    scores=scores,
    watch=watch,
    tune=tuning.tune,
    decoded_by=lambda loaders, decoder: loaders.decoded_by(decoder),
    header=_header,
    decoding=lambda loaders: loaders.card.decoding(),
)
