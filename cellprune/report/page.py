"""report.html: one page that tells the whole run, made from the run's files alone.

It holds everything it shows, runs no script and asks no network; every text from outside is escaped.
"""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import stdev
from typing import Any

import numpy as np

from cellprune.config.names import when
from cellprune.evaluation.iou import SIZES, class_mean, iou
from cellprune.report import figures, pictures, scores, sentences
from cellprune.report.record import needed
from cellprune.report.template import render, source
from cellprune.runs import atomic
from cellprune.runs.folder import Folder


def write(folder: Folder, output: Path | None = None) -> None:
    """Write the report of a run, from the files that are in its folder.

    Args:
        folder: a run that has all its files but the report.
        output: the page's path; None for the run's own report.html.
    Raises:
        CellpruneError: a file is missing or damaged; the message names it.
    """
    with needed(str(folder.path)):
        html = render("page.html", _told(folder))
    if output is None:
        folder.write_report(html)
    else:
        atomic.write_text(output, html)


def _told(folder: Folder) -> dict[str, Any]:
    """Everything that the page tells, by the names the template has for it."""
    config, split, cost = folder.read_config(), folder.read_split(), folder.read_cost()
    found, made = folder.read_scores(), folder.read_provenance()
    metrics = folder.read_metrics()
    pruned = config["pruning"]["method"] != "dense"
    masks = folder.read_masks() if pruned else {}
    network_size = " × ".join(str(side) for side in config["data"]["size"])
    at_size = _spread(found)
    return {
        "config": config,
        "split": split,
        "made": {"resumed": None, "stages": [], **made},
        "cost": cost,
        "pruned": pruned,
        "when": when(config["pruning"]["method"]),
        "n_trainings": len({row["stage"] for row in metrics}),
        "n_epochs": len(metrics),
        "scope": sentences.scope(split),
        "gain": sentences.gain(cost) if pruned else None,
        "paths": sentences.paths(cost) if pruned else None,
        "deaths": sentences.deaths(cost.get("dead_layers", [])),
        "network_size": network_size,
        "network": sentences.network(config["model"]),
        "classes": scores.foreground(found),
        "scores": scores.named(found),
        "headline": {size: _headline(found["summary"], size, values) for size, values in at_size.items()},
        "images": _images(found),
        "pictures": found.get("pictures", []),
        "layers": [row | {"emptied": _emptied(row, masks)} for row in cost["layers"]],
        "spread_figure": source(figures.spread({network_size: at_size["256"], "native size": at_size["native"]})),
        "curves_figure": source(figures.curves(metrics)),
        "sparsity_figure": source(moved) if (moved := figures.sparsity(metrics)) else None,
        "layers_figure": source(figures.layers(cost["layers"])),
        "truth_colour": _css(pictures.TRUTH_COLOUR),
        "prediction_colour": _css(pictures.PREDICTION_COLOUR),
        "command": shlex.join(made.get("command", [])),
        "segments": ", ".join(
            f"{name.replace('_', ' ')} {n}" for name, n in (made.get("segments") or {}).items() if n is not None
        ),
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


def _emptied(row: Mapping[str, Any], masks: Mapping[str, np.ndarray]) -> int | None:
    """Count a layer's output channels that kept no weight; None where the layer has no mask."""
    if (mask := masks.get(row["name"])) is None:
        return None
    outputs = np.moveaxis(mask, 1, 0) if row["kind"].startswith("ConvTranspose") else mask
    return int(np.count_nonzero(~outputs.reshape(len(outputs), -1).any(axis=1)))


def _css(colour: Sequence[int]) -> str:
    return f"rgb({', '.join(str(channel) for channel in colour)})"
