"""How classes of whole images are reported: accuracy, class by class, and what is taken for what."""

import math
from collections.abc import Mapping
from typing import Any

from cellprune.report import figures
from cellprune.report.formatting import share
from cellprune.report.results import Judged, Measure, Place, Results, Together
from cellprune.report.scores import Score
from cellprune.report.template import source
from cellprune.runs.folder import Folder

_CURVES = {"validation_accuracy": "accuracy"}
_JUDGED = {"report": "test images", "select": "images set apart to choose settings by"}


def _told(folder: Folder) -> dict[str, Any]:
    found, split = folder.read_scores(), folder.read_split()
    n_images = sum(row["images"] for row in found["classes"])
    accuracy = found["summary"]["accuracy"]
    return {
        "held_out": _JUDGED[found["part"]],
        "scope": _scope(split, found["part"]),
        "summary": found["summary"],
        "n_images": n_images,
        "n_correct": sum(row["correct"] for row in found["classes"]),
        "error": math.sqrt(accuracy * (1 - accuracy) / n_images),
        "classes": found["classes"],
        "confusion_figure": source(figures.confusion([row["name"] for row in found["classes"]], found["confusion"])),
        "curves_figure": source(figures.curves(folder.read_metrics(), _CURVES, title="Validation accuracy")),
    }


def _scope(split: Mapping[str, Any], part: str) -> str:
    train, select, report = (split["parts"][part]["images"] for part in ("train", "select", "report"))
    if part == "select":
        return (
            f"Scored on {select} training images that were set apart to choose settings by; the network learned from "
            f"the other {train}. The {report} test images were not used."
        )
    return (
        f"Scored once, at the end, on the {report} test images of the data set. The network learned from {train} of "
        f"its training images. The other {select}, drawn evenly over the classes with split seed {split['seed']}, show "
        "the accuracy during training: choose settings by these."
    )


def _sentence(found: Mapping[str, Any]) -> str:
    n_images = sum(row["images"] for row in found["classes"])
    return f"accuracy on the {n_images} {_JUDGED[found['part']]}: {share(found['summary']['accuracy'])}"


def _table(found: Mapping[str, Any]) -> list[str]:
    n_images = sum(row["images"] for row in found["classes"])
    width = max(len(row["name"]) for row in found["classes"]) + 2
    lines = [f"{n_images} images", f"{'':{width}}{'images':>8}{'accuracy':>10}"]
    for row in [*found["classes"], {"name": "all", "images": n_images, "accuracy": found["summary"]["accuracy"]}]:
        lines.append(f"{row['name']:{width}}{row['images']:>8}{share(row['accuracy']):>10}")
    return lines


def _of_each(found: Mapping[str, Any]) -> dict[str, float]:
    return {f"{name}/{number:04d}": value for (name, number), value in _right(found).items()}


def _judged(_: Mapping[str, Any], split: Mapping[str, Any], found: Mapping[str, Any]) -> Judged:
    images, summary = _right(found), found["summary"]
    files = {**split["files"], "part": split["parts"][found["part"]]["sha256"]}
    return Judged(
        truth=("class", *(row["name"] for row in found["classes"])),
        apart=f"{_JUDGED[found['part']]}, split seed {split['seed']}",
        scope=_scope(split, found["part"]),
        files=dict.fromkeys(images, files),
        names={place: place[0] for place in images},  # thousands of images, each right or wrong: told class by class
        sizes={"native": _JUDGED[found["part"]]},
        images={"native": images},
        scores=[
            Score("all images", "images of all classes together", {"native": summary["accuracy"]}),
            Score("mean of classes", "the mean of the classes' accuracies", {"native": summary["accuracy_class_mean"]}),
        ],
    )


def _right(found: Mapping[str, Any]) -> dict[Place, float]:
    """Class and number of every image -> 1 where it gets its class, else 0."""
    return {(row["name"], number): float(mark) for row in found["classes"] for number, mark in enumerate(row["right"])}


def _nothing(found: Mapping[str, Any]) -> str:
    """It is right no more often than an answer of always the most frequent class would be."""
    frequent = max(found["classes"], key=lambda row: int(row["images"]))
    if sum(row["correct"] for row in found["classes"]) > frequent["images"]:
        return ""
    alone = frequent["images"] / sum(row["images"] for row in found["classes"])
    return (
        f"its accuracy is {share(found['summary']['accuracy'])}, and always answering {frequent['name']!r}, the most "
        f"frequent class, would have {share(alone)}"
    )


_MEASURE = Measure("accuracy", "images", "validation_accuracy", _of_each, _nothing)
_TOGETHER = Together(
    judged=_judged,
    headline="accuracy",
    each="class",
    curve="Validation accuracy",
    spread=lambda deviation, n: deviation / math.sqrt(n),
    spread_is="the standard error for so many images, and of a difference for so many pairs",
)
RESULTS = Results("classification.html.jinja", _told, _sentence, _table, _MEASURE, _TOGETHER)
