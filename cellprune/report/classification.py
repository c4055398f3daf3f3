"""How classes of whole images are reported: accuracy, class by class, and what is taken for what."""

import math
from collections.abc import Mapping

from cellprune.evaluation.metric import Metric
from cellprune.report import figures
from cellprune.report.files import RunFiles
from cellprune.report.formatting import share
from cellprune.report.results import ImageKey, Judged, Results, Together
from cellprune.report.scores import Score
from cellprune.report.template import source
from cellprune.runs.scores import ClassificationScores
from cellprune.runs.split import ImageSplit

_CURVES = {"validation_accuracy": "accuracy"}
_JUDGED = {"report": "test images", "select": "images set apart to choose settings by"}
_Files = RunFiles[ClassificationScores, ImageSplit]


def _content(files: _Files) -> Mapping[str, object]:
    own = files.scores
    accuracy = own.summary["accuracy"]
    return {
        "held_out": _JUDGED[own.part],
        "scope": _scope(files.split, own.part),
        "summary": own.summary,
        "n_images": own.n_images,
        "n_correct": own.n_correct,
        "error": math.sqrt(accuracy * (1 - accuracy) / own.n_images),
        "classes": own.classes,
        "confusion_figure": source(figures.confusion([row.name for row in own.classes], own.confusion)),
        "curves_figure": source(figures.curves(files.epochs, _CURVES, title="Validation accuracy")),
    }


def _scope(split: ImageSplit, part: str) -> str:
    train, select, report = (split.parts[part].images for part in ("train", "select", "report"))
    if part == "select":
        return (
            f"Scored on {select} training images that were set apart to choose settings by; the network learned from "
            f"the other {train}. The {report} test images were not used."
        )
    return (
        f"Scored once, at the end, on the {report} test images of the data set. The network learned from {train} of "
        f"its training images. The other {select}, drawn evenly over the classes with split seed {split.seed}, show "
        "the accuracy during training: choose settings by these."
    )


def _sentence(own: ClassificationScores) -> str:
    return f"accuracy on the {own.n_images} {_JUDGED[own.part]}: {share(own.summary['accuracy'])}"


def _table(own: ClassificationScores) -> list[str]:
    rows = [(row.name, row.images, row.accuracy) for row in own.classes]
    width = max(len(name) for name, _, _ in rows) + 2
    lines = [f"{own.n_images} images", f"{'':{width}}{'images':>8}{'accuracy':>10}"]
    for name, n_images, accuracy in [*rows, ("all", own.n_images, own.summary["accuracy"])]:
        lines.append(f"{name:{width}}{n_images:>8}{share(accuracy):>10}")
    return lines


def _of_each(own: ClassificationScores) -> dict[str, float]:
    return {f"{name}/{number:04d}": value for (name, number), value in _right(own).items()}


def _judged(files: _Files) -> Judged:
    own, split = files.scores, files.split
    images, summary = _right(own), own.summary
    hashes = {**split.files, "part": split.parts[own.part].sha256}
    return Judged(
        truth=("class", *(row.name for row in own.classes)),
        apart=f"{_JUDGED[own.part]}, split seed {split.seed}",
        scope=_scope(split, own.part),
        files=dict.fromkeys(images, hashes),
        names={key: key[0] for key in images},  # thousands of images, each right or wrong: told class by class
        sizes={"native": _JUDGED[own.part]},
        images={"native": images},
        scores=[
            Score("all images", "images of all classes together", {"native": summary["accuracy"]}),
            Score("mean of classes", "the mean of the classes' accuracies", {"native": summary["accuracy_class_mean"]}),
        ],
        cells=None,
    )


def _right(own: ClassificationScores) -> dict[ImageKey, float]:
    """Class and number of every image -> 1 where it gets its class, else 0.

    Raises:
        ValueError: an older version counted them only.
    """
    marks: dict[ImageKey, float] = {}
    for row in own.classes:
        if row.right is None:
            raise ValueError(f"scores.json does not say which images of {row.name} are right")
        marks |= {(row.name, number): float(mark) for number, mark in enumerate(row.right)}
    return marks


def _nothing(own: ClassificationScores) -> str:
    """It is right no more often than an answer of always the most frequent class would be."""
    frequent = max(own.classes, key=lambda row: row.images)
    if own.n_correct > frequent.images:
        return ""
    return (
        f"its accuracy is {share(own.summary['accuracy'])}, and always answering {frequent.name!r}, the most frequent "
        f"class, would have {share(frequent.images / own.n_images)}"
    )


_TOGETHER = Together(
    judged=_judged,
    headline="accuracy",
    each="class",
    curve="Validation accuracy",
    spread=lambda deviation, n: deviation / math.sqrt(n),
    spread_is="the standard error for so many images, and of a difference for so many pairs",
)
_METRIC = Metric("accuracy", "images", "validation_accuracy", _of_each, _nothing)
RESULTS = Results("classification.html.jinja", _content, _sentence, _table, _METRIC, _TOGETHER)
