"""The scores of a run by the names that people read, from the counts in scores.json."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from cellprune.evaluation.iou import summary

_SCORES = {  # over all classes; then, of one
    "iou_image_mean": (
        ("mean over images", "per image the mean of its classes, then the mean over images: the main score"),
        ("mean over images", "the class {} alone, then the mean over images"),
    ),
    "iou_pooled": (
        ("pooled", "pixels of all images counted together, then the mean of the classes"),
        ("pooled", "the class {} alone, pixels of all images counted together"),
    ),
}


class Score(NamedTuple):
    """One named score: what it is called, what it means, and size -> value, None where it is undefined."""

    label: str
    meaning: str
    at: Mapping[str, float | None]


def named(scores: Mapping[str, Any]) -> list[Score]:
    """Give every score over all classes, then those of each class but the background.

    Args:
        scores: the content of scores.json.
    """
    overall = [Score(*words, scores["summary"][key]) for key, (words, _) in _SCORES.items()]
    return [*overall, *(score for name in foreground(scores) for score in _of_class(scores, name))]


def foreground(scores: Mapping[str, Any]) -> list[str]:
    """Name the classes but the first, which is the background."""
    return [counted["name"] for counted in scores["images"][0]["classes"][1:]] if scores["images"] else []


def _of_class(scores: Mapping[str, Any], name: str) -> list[Score]:
    found = summary(
        [image | {"classes": [c for c in image["classes"] if c["name"] == name]} for image in scores["images"]]
    )
    return [
        Score(f"{name}, {label}", meaning.format(name), found[key]) for key, (_, (label, meaning)) in _SCORES.items()
    ]
