"""report.html: one page that tells the whole run, made from the run's files alone.

It holds everything it shows, runs no script and asks no network; every text from outside is escaped.
"""

import base64
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import stdev
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup, escape

from cellprune.errors import CellpruneError
from cellprune.evaluation.iou import SIZES, class_mean, iou, summary
from cellprune.report import figures, formatting, pictures, sentences
from cellprune.runs.folder import Folder

_HERE = Path(__file__).parent
_SCORES = {  # of all classes; then, of one
    "iou_image_mean": (
        ("mean over images", "per image the mean of its classes, then the mean over images: the headline"),
        ("mean over images", "the class {} alone, then the mean over images"),
    ),
    "iou_pooled": (
        ("pooled", "pixels of all images counted together, then the mean of the classes"),
        ("pooled", "the class {} alone, pixels of all images counted together"),
    ),
}


def write(folder: Folder) -> None:
    """Write the report of a run, from the files that are in its folder.

    Args:
        folder: a run that has all its files but the report.
    Raises:
        CellpruneError: a file is missing or damaged; the message names it.
    """
    try:
        html = _templates().get_template("page.html").render(_told(folder))
    except (KeyError, TypeError, ValueError, AttributeError, jinja2.UndefinedError) as error:
        raise CellpruneError(
            f"the files of {folder.path} lack what a report needs ({error}): make the run again with this cellprune"
        ) from error
    folder.write_report(html)


def _told(folder: Folder) -> dict[str, Any]:
    """Everything that the page tells, by the names the template has for it."""
    config, split, cost = folder.read_config(), folder.read_split(), folder.read_cost()
    scores, made = folder.read_scores(), folder.read_provenance()
    pruned = config["pruning"]["method"] != "dense"
    masks = folder.read_masks() if pruned else {}
    network_size = " × ".join(str(side) for side in config["data"]["size"])
    at_size = _spread(scores)
    return {
        "config": config,
        "split": split,
        "made": {"resumed": None, **made},
        "cost": cost,
        "pruned": pruned,
        "scope": sentences.scope(split),
        "gain": sentences.gain(cost) if pruned else None,
        "paths": sentences.paths(cost) if pruned else None,
        "deaths": sentences.deaths(cost.get("dead_layers", [])),
        "network_size": network_size,
        "network": sentences.network(config["model"]),
        "classes": (classes := _foreground(scores)),
        "scores": [*_scores(scores["summary"]), *(row for name in classes for row in _class_scores(scores, name))],
        "headline": {size: _headline(scores["summary"], size, values) for size, values in at_size.items()},
        "images": _images(scores),
        "pictures": scores.get("pictures", []),
        "layers": [row | {"emptied": _emptied(row, masks)} for row in cost["layers"]],
        "spread_figure": _source(figures.spread({network_size: at_size["256"], "native size": at_size["native"]})),
        "curves_figure": _source(figures.curves(folder.read_metrics())),
        "layers_figure": _source(figures.layers(cost["layers"])),
        "truth_colour": _css(pictures.TRUTH_COLOUR),
        "prediction_colour": _css(pictures.PREDICTION_COLOUR),
        "command": shlex.join(made.get("command", [])),
        "segments": ", ".join(
            f"{name.replace('_', ' ')} {n}" for name, n in (made.get("segments") or {}).items() if n is not None
        ),
        "style": (_HERE / "page.css").read_text(encoding="utf-8"),
    }


def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("count", "file_size", "score", "share", "milliseconds", "duration"):
        environment.filters[name] = getattr(formatting, name)
        environment.globals[f"as_{name}"] = getattr(formatting, name)
    environment.filters["typed"] = _typed
    return environment


def _typed(text: str) -> Markup:
    """Escape a sentence and set what stands in backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _headline(found: Mapping[str, Any], size: str, values: Sequence[float]) -> dict[str, Any]:
    """The headline score at a size, its spread over images, and how many images it is a mean of."""
    return {
        "iou": found["iou_image_mean"][size],
        "n": len(values),
        "deviation": stdev(values) if len(values) > 1 else None,
        "lowest": min(values, default=None),
        "highest": max(values, default=None),
    }


def _spread(scores: Mapping[str, Any]) -> dict[str, list[float]]:
    """Size -> IoU of every image in which it is defined."""
    return {
        size: [
            value
            for image in scores["images"]
            if image["size"] == size and (value := class_mean(image["classes"])) is not None
        ]
        for size in SIZES
    }


def _foreground(scores: Mapping[str, Any]) -> list[str]:
    """The names of the classes but the first, which is background."""
    return [counted["name"] for counted in scores["images"][0]["classes"][1:]] if scores["images"] else []


def _scores(found: Mapping[str, Any]) -> list[tuple[str, str, Mapping[str, float | None]]]:
    """Name, meaning and size -> value of the scores over all classes."""
    return [(*of_all, found[key]) for key, (of_all, _) in _SCORES.items()]


def _class_scores(scores: Mapping[str, Any], name: str) -> list[tuple[str, str, Mapping[str, float | None]]]:
    """The same of one class, from the counts."""
    alone = summary(
        [image | {"classes": [c for c in image["classes"] if c["name"] == name]} for image in scores["images"]]
    )
    return [(f"{name}, {label}", meaning.format(name), alone[key]) for key, (_, (label, meaning)) in _SCORES.items()]


def _images(scores: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row an image: mean and per-class IoU at each size, in the order of the images."""
    rows: dict[str, dict[str, Any]] = {}
    for image in scores["images"]:
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


def _source(svg: str) -> str:
    """A figure as the source of an <img>, where nothing in it can touch the page."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def _css(colour: Sequence[int]) -> str:
    return f"rgb({', '.join(str(channel) for channel in colour)})"
