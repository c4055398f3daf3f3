"""How cells in images are reported: overlap of the maps, image by image, at the network's size and the native one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import stdev
from typing import Any

from cellprune.evaluation.cells import CELL_SCORES, CellCount, Error, ScoredCells, total
from cellprune.evaluation.iou import SIZES, ScoredImage, Size, background_alone, class_mean
from cellprune.evaluation.metric import Metric
from cellprune.report import figures, pictures, scores, sentences
from cellprune.report.cells import CellRow, found_of_true
from cellprune.report.cells import rows as cell_rows
from cellprune.report.files import RunFiles
from cellprune.report.marked import key
from cellprune.report.marked.looks import FOUND, LOOKS, TRUE, UNJUDGED
from cellprune.report.results import ImageKey, Judged, Results, Together
from cellprune.report.template import source
from cellprune.runs.scores import CellScores, SegmentationScores
from cellprune.runs.split import FrameSplit, SplitFrame
from cellprune.wording import many

_CURVES = {"iou_image_mean": "all classes", "iou_cell_image_mean": "cells"}
_SCORED = {"report": "held-out", "select": "set-apart"}
_Files = RunFiles[SegmentationScores, FrameSplit]


@dataclass(frozen=True)
class _Headline:
    """The headline score at a size, its spread over images, and how many images it is a mean of."""

    iou: float | None
    n: int
    deviation: float | None
    lowest: float | None
    highest: float | None


@dataclass(frozen=True)
class _Cells:
    """The cells of all images together, and their scores, by name and as they are read."""

    total: CellCount
    scores: Mapping[str, float | None]
    rows: Sequence[CellRow]
    field_of_interest_px: int


@dataclass(frozen=True)
class _Key:
    """An error in the key of the pictures: how it looks, and how often it is counted in all images."""

    error: Error
    swatch: str
    n: int
    meaning: str


@dataclass(frozen=True)
class _Row:
    """An image: at each size its mean IoU, its IoU of each class, and its pixels that are unknown; its cells."""

    id: str
    iou: Mapping[Size, float | None]
    of_class: Mapping[Size, Mapping[str, float | None]]
    ignored_px: Mapping[Size, int]
    cells: CellCount | None


def _content(files: _Files) -> Mapping[str, object]:
    own = files.scores
    network_size, at_size = _network_size(files.config), {size: list(_ious(own, size).values()) for size in SIZES}
    return {
        "scored": _SCORED[own.part],
        "held_out": "held-out frames",
        "scope": sentences.scope(files.split, own.part),
        "network_size": network_size,
        "classes": scores.foreground(own),
        "scores": scores.named(own),
        "cells": _cells(own),
        "tuned": [sentences.tuned(files.tuning), *sentences.links(files.tuning.links)] if files.tuning else [],
        "tuned_since": _changes_pixels(files),
        "headline": {size: _headline(own.summary["iou_image_mean"][size], at_size[size]) for size in SIZES},
        "images": _rows(own),
        "pictures": own.pictures,
        "cell_pictures": own.cell_pictures,
        "errors": _errors(own),
        "seg": CELL_SCORES["seg"].of,
        "counts": {image.id: image.count for image in own.cells.images} if own.cells else {},
        "swatches": {
            "found": source(key.line_swatch(FOUND, 3)),
            "true": source(key.line_swatch(TRUE, 1)),
            "unjudged": source(key.line_swatch(UNJUDGED, 1)),
            "unknown": source(key.hatch_swatch()),
        },
        "spread_figure": source(figures.spread({network_size: at_size["network"], "native size": at_size["native"]})),
        "curves_figure": source(figures.curves(files.epochs, _CURVES, title="IoU")),
        "truth_colour": _css(pictures.TRUTH_COLOUR),
        "prediction_colour": _css(pictures.PREDICTION_COLOUR),
        "dropped": files.split.dropped,
    }


def _changes_pixels(files: _Files) -> bool:
    """Tell whether the curves, which were drawn while the network trained, are of another decoder than the scores."""
    has_other = files.tuning is not None and files.tuning.chosen > 0
    return has_other and files.config["data"].get("target", "classes") != "classes"  # an older file says none


def _cells(own: SegmentationScores) -> _Cells | None:
    if own.cells is None:
        return None
    counted = total([image.count for image in own.cells.images])
    return _Cells(
        total=counted,
        scores={name: score.of(counted) for name, score in CELL_SCORES.items()},
        rows=cell_rows(counted),
        field_of_interest_px=own.cells.field_of_interest_px,
    )


def _errors(own: SegmentationScores) -> list[_Key]:
    """One row per kind of error."""
    if own.cells is None:
        return []
    counted = total([image.count for image in own.cells.images])
    return [
        _Key(error, source(key.error_swatch(look)), int(getattr(counted, error)), look.meaning)
        for error, look in LOOKS.items()
    ]


def _headline(iou: float | None, values: Sequence[float]) -> _Headline:
    deviation = stdev(values) if len(values) > 1 else None
    return _Headline(iou, len(values), deviation, min(values, default=None), max(values, default=None))


def _rows(own: SegmentationScores) -> list[_Row]:
    """One row per image, in the order of the images."""
    cells = {image.id: image.count for image in own.cells.images} if own.cells else {}
    at: dict[str, dict[Size, ScoredImage]] = {}
    for image in own.images:
        at.setdefault(image.id, {})[image.size] = image
    return [
        _Row(
            id=name,
            iou={size: class_mean(image.classes) for size, image in sizes.items()},
            of_class={size: {each.name: each.iou for each in image.classes} for size, image in sizes.items()},
            ignored_px={size: image.ignored_px for size, image in sizes.items()},
            cells=cells.get(name),
        )
        for name, sizes in at.items()
    ]


def _judged(files: _Files) -> Judged:
    own, split, config = files.scores, files.split, files.config
    scored = _SCORED[own.part]
    classes = sorted({tuple(counted.name for counted in image.classes) for image in own.images})
    return Judged(
        truth=(split.policy, config["data"].get("ignore_border", False), *classes),
        apart=f"truth {split.policy}, hold-out {split.how}, split seed {split.seed}, scored on {scored} frames",
        scope=sentences.scope(split, own.part),
        files={_key(frame): dict(frame.sha256) for frame in split.parts[own.part]},
        names={_key(image): image.id for image in own.images},
        sizes={"network": _network_size(config), "native": "native size"},
        images={size: _ious(own, size) for size in SIZES},
        scores=scores.named(own),
        cells={_key(image): image.count for image in own.cells.images} if own.cells else {},
    )


def _key(frame: SplitFrame | ScoredImage | ScoredCells) -> ImageKey:
    return frame.sequence, frame.frame


def _ious(own: SegmentationScores, size: Size) -> dict[ImageKey, float]:
    """Image -> its mean IoU, where it is defined."""
    means = {_key(image): class_mean(image.classes) for image in own.images if image.size == size}
    return {key: value for key, value in means.items() if value is not None}


def _network_size(config: Mapping[str, Any]) -> str:
    data = config["data"]
    if "crop" in data:  # frames of any sizes, all zoomed alike
        return "the network's size"
    return " × ".join(str(side) for side in data["size"])


def _css(colour: Sequence[int]) -> str:
    return f"rgb({', '.join(str(channel) for channel in colour)})"


def _sentence(own: SegmentationScores) -> str:
    small, native = (_shown(own.summary["iou_image_mean"][size]) for size in SIZES)
    pixels = f"IoU {small} at the network's size, {native} at native size"
    cells = "" if own.cells is None else f"{_found(own.cells)}, SEG {_shown(own.cells.summary['seg'])}; pixels: "
    return f"on the {_SCORED[own.part]} frames: {cells}{pixels}"


def _table(own: SegmentationScores) -> list[str]:
    """Give the scores line by line, cells before pixels."""
    n_images = len({image.id for image in own.images})
    lines = [f"{many(n_images, 'image')}, truth policy {own.policy}"]
    if own.cells is not None:
        counted = total([image.count for image in own.cells.images])
        lines += [found_of_true(counted), *(f"{row.label:24}{row.value}" for row in cell_rows(counted))]
    lines.append(f"{'pixels':24}{'network':>10}{'native':>10}")
    for name, values in own.summary.items():
        lines.append(f"{name:24}" + "".join(f"{_shown(values[size]):>10}" for size in SIZES))
    return lines


def _found(cells: CellScores) -> str:
    counted = total([image.count for image in cells.images])
    return f"{counted.matched[0]:,} of {counted.true:,} true cells found ({counted.found:,} cells in all)"


def _shown(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def _of_each(own: SegmentationScores) -> dict[str, float]:
    means = {image.id: class_mean(image.classes) for image in own.images if image.size == "network"}
    return {name: value for name, value in means.items() if value is not None}


def _cells_of_each(name: str, own: SegmentationScores) -> dict[str, float]:
    """Image -> its score of cells, where it is defined.

    Raises:
        ValueError: no cells were counted.
    """
    if own.cells is None:
        raise ValueError("its scores.json counts no cells")
    values = {image.id: CELL_SCORES[name].of(image.count) for image in own.cells.images}
    return {image: value for image, value in values.items() if value is not None}


def _no_cells(name: str, own: SegmentationScores) -> str:
    """It finds not one of the cells that are there."""
    counted, score = total([image.count for image in own.cells.images] if own.cells else []), CELL_SCORES[name]
    return f"its {score.label} is 0: it finds none of {many(counted.true, 'cell')}" if score.of(counted) == 0 else ""


def _nothing(own: SegmentationScores) -> str:
    """It has no pixel of any cell right, or scores less than an answer of background everywhere would."""
    images = [image for image in own.images if image.size == "network"]
    cells = [counted for image in images for counted in image.classes[1:]]
    there = any(counted.union if counted.truth is None else counted.truth for counted in cells)
    if there and not any(counted.intersection for counted in cells):
        return f"its IoU of {' and '.join(scores.foreground(own))} is 0"
    mean, alone = own.summary["iou_image_mean"]["network"], background_alone(images)
    if mean is not None and alone is not None and mean < alone:
        return f"its IoU is {mean:.4f}, and an answer of background everywhere would have {alone:.4f}"
    return ""


_TOGETHER = Together(
    judged=_judged,
    headline="mean IoU over images",
    each="scored image",
    curve="IoU",
    spread=lambda deviation, _: deviation,
    spread_is="the standard deviation over the scored images",
)
_METRIC = Metric("IoU", "frames", "iou_image_mean", _of_each, _nothing)
_OF_CELLS = {
    asked: Metric(CELL_SCORES[name].label, "frames", "", partial(_cells_of_each, name), partial(_no_cells, name))
    for asked, name in (("seg", "seg"), ("ap50", "ap_50"))
}
RESULTS = Results("segmentation.html.jinja", _content, _sentence, _table, _METRIC, _TOGETHER, _OF_CELLS)
