"""How cells in images are reported: overlap of the maps, image by image, at the network's size and the native one."""

from collections.abc import Mapping, Sequence
from statistics import stdev
from typing import Any

from cellprune.evaluation.iou import SIZES, background_alone, class_mean, iou
from cellprune.report import figures, pictures, scores, sentences
from cellprune.report.results import Judged, Measure, Place, Results, Together
from cellprune.report.template import source
from cellprune.runs.folder import Folder
from cellprune.wording import many

_CURVES = {"iou_image_mean": "all classes", "iou_cell_image_mean": "cells"}


def _told(folder: Folder) -> dict[str, Any]:
    found = folder.read_scores()
    network_size = _network_size(folder.read_config())
    at_size = _spread(found)
    return {
        "held_out": "held-out frames",
        "scope": sentences.scope(folder.read_split()),
        "network_size": network_size,
        "classes": scores.foreground(found),
        "scores": scores.named(found),
        "headline": {size: _headline(found["summary"], size, values) for size, values in at_size.items()},
        "images": _images(found),
        "pictures": found.get("pictures", []),
        "spread_figure": source(figures.spread({network_size: at_size["256"], "native size": at_size["native"]})),
        "curves_figure": source(figures.curves(folder.read_metrics(), _CURVES, title="Held-out IoU")),
        "truth_colour": _css(pictures.TRUTH_COLOUR),
        "prediction_colour": _css(pictures.PREDICTION_COLOUR),
    }


def _headline(summary: Mapping[str, Any], size: str, values: Sequence[float]) -> dict[str, Any]:
    """The headline score at a size, its spread over images, and how many images it is a mean of."""
    return {
        "iou": summary["iou_image_mean"][size],
        "n": len(values),
        "deviation": stdev(values) if len(values) > 1 else None,
        "lowest": min(values, default=None),
        "highest": max(values, default=None),
    }


def _spread(found: Mapping[str, Any]) -> dict[str, list[float]]:
    """Size -> IoU of every image in which it is defined."""
    return {
        size: [
            value
            for image in found["images"]
            if image["size"] == size and (value := class_mean(image["classes"])) is not None
        ]
        for size in SIZES
    }


def _images(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row an image: mean and per-class IoU at each size, in the order of the images."""
    rows: dict[str, dict[str, Any]] = {}
    for image in found["images"]:
        row = rows.setdefault(image["id"], {"id": image["id"], "sizes": {}})
        row["sizes"][image["size"]] = {
            "iou": class_mean(image["classes"]),
            "classes": {counted["name"]: iou(counted) for counted in image["classes"]},
            "ignored_px": image["ignored_px"],
        }
    return list(rows.values())


def _judged(config: Mapping[str, Any], split: Mapping[str, Any], found: Mapping[str, Any]) -> Judged:
    classes = sorted({tuple(counted["name"] for counted in image["classes"]) for image in found["images"]})
    return Judged(
        truth=(split["policy"], config["data"].get("ignore_border", False), *classes),
        apart="truth {policy}, hold-out {how}, split seed {seed}".format(**split),
        scope=sentences.scope(split),
        files={_place(frame): dict(frame["sha256"]) for frame in split["parts"][found["part"]]},
        names={_place(image): str(image["id"]) for image in found["images"]},
        sizes={"256": _network_size(config), "native": "native size"},
        images={size: _ious(found, size) for size in SIZES},
        scores=scores.named(found),
    )


def _place(frame: Mapping[str, Any]) -> Place:
    return str(frame["sequence"]), int(frame["frame"])


def _ious(found: Mapping[str, Any], size: str) -> dict[Place, float]:
    pairs = [(_place(image), class_mean(image["classes"])) for image in found["images"] if image["size"] == size]
    return {place: value for place, value in pairs if value is not None}


def _network_size(config: Mapping[str, Any]) -> str:
    return " × ".join(str(side) for side in config["data"]["size"])


def _css(colour: Sequence[int]) -> str:
    return f"rgb({', '.join(str(channel) for channel in colour)})"


def _sentence(found: Mapping[str, Any]) -> str:
    small, native = (_shown(found["summary"]["iou_image_mean"][size]) for size in SIZES)
    return f"IoU on the held-out frames: {small} at the network's size, {native} at native size"


def _table(found: Mapping[str, Any]) -> list[str]:
    n_images = len({image["id"] for image in found["images"]})
    lines = [
        f"{many(n_images, 'image')}, truth policy {found['policy']}",
        f"{'':24}{'256':>10}{'native':>10}",
    ]
    for name, values in found["summary"].items():
        lines.append(f"{name:24}" + "".join(f"{_shown(values[size]):>10}" for size in SIZES))
    return lines


def _shown(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def _of_each(found: Mapping[str, Any]) -> dict[str, float]:
    counted = {image["id"]: class_mean(image["classes"]) for image in found["images"] if image["size"] == "256"}
    return {name: value for name, value in counted.items() if value is not None}


def _nothing(found: Mapping[str, Any]) -> str:
    """It has no pixel of any cell right, or scores less than an answer of background everywhere would."""
    images = [image for image in found["images"] if image["size"] == "256"]
    cells = [counted for image in images for counted in image["classes"][1:]]
    there = any(counted.get("truth", counted["union"]) for counted in cells)
    if there and not any(counted["intersection"] for counted in cells):
        return f"its IoU of {' and '.join(scores.foreground(found))} is 0"
    own, alone = found["summary"]["iou_image_mean"]["256"], background_alone(images)
    if own is not None and alone is not None and own < alone:
        return f"its IoU is {own:.4f}, and an answer of background everywhere would have {alone:.4f}"
    return ""


_MEASURE = Measure("IoU", "frames", "iou_image_mean", _of_each, _nothing)
_TOGETHER = Together(
    judged=_judged,
    headline="mean IoU over images",
    each="held-out image",
    curve="Held-out IoU",
    spread=lambda deviation, _: deviation,
    spread_is="the standard deviation over the held-out images",
)
RESULTS = Results("segmentation.html.jinja", _told, _sentence, _table, _MEASURE, _TOGETHER)
