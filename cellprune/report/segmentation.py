"""How cells in images are reported: overlap of the maps, image by image, at the network's size and the native one."""

from collections.abc import Mapping, Sequence
from statistics import stdev
from typing import Any

from cellprune.evaluation.iou import SIZES, class_mean, iou
from cellprune.report import figures, pictures, scores, sentences
from cellprune.report.results import Measure, Results
from cellprune.report.template import source
from cellprune.runs.folder import Folder

_CURVES = {"iou_image_mean": "all classes", "iou_cell_image_mean": "cells"}


def _told(folder: Folder) -> dict[str, Any]:
    found = folder.read_scores()
    network_size = " × ".join(str(side) for side in folder.read_config()["data"]["size"])
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


def _css(colour: Sequence[int]) -> str:
    return f"rgb({', '.join(str(channel) for channel in colour)})"


def _sentence(found: Mapping[str, Any]) -> str:
    small, native = (_shown(found["summary"]["iou_image_mean"][size]) for size in SIZES)
    return f"IoU on the held-out frames: {small} at the network's size, {native} at native size"


def _table(found: Mapping[str, Any]) -> list[str]:
    n_images = len({image["id"] for image in found["images"]})
    lines = [f"{n_images} images, truth policy {found['policy']}", f"{'':24}{'256':>10}{'native':>10}"]
    for name, values in found["summary"].items():
        lines.append(f"{name:24}" + "".join(f"{_shown(values[size]):>10}" for size in SIZES))
    return lines


def _shown(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def _of_each(found: Mapping[str, Any]) -> dict[str, float]:
    counted = {image["id"]: class_mean(image["classes"]) for image in found["images"] if image["size"] == "256"}
    return {name: value for name, value in counted.items() if value is not None}


_MEASURE = Measure("IoU", "frames", "iou_image_mean", _of_each)
RESULTS = Results("segmentation.html.jinja", _told, _sentence, _table, _MEASURE)
