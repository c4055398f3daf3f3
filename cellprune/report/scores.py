"""The scores of a run by the names that people read, from the counts in scores.json."""

from collections.abc import Mapping
from typing import NamedTuple

from cellprune.evaluation.iou import Size, of_one_class
from cellprune.runs.scores import SegmentationScores

_SCORES = {  # over all classes; then, of one
    "image_mean": (
        ("mean over images", "per image the mean of its classes, then the mean over images: the main score"),
        ("mean over images", "the class {} alone, then the mean over images"),
    ),
    "pooled": (
        ("pooled", "pixels of all images counted together, then the mean of the classes"),
        ("pooled", "the class {} alone, pixels of all images counted together"),
    ),
}


class Score(NamedTuple):
    """One named score: what it is called, what it means, and size -> value, None where it is undefined."""

    label: str
    meaning: str
    at: Mapping[Size, float | None]


def named(scores: SegmentationScores) -> list[Score]:
    """Give every score over all classes, then those of each class but the background."""
    overall = [Score(*words, scores.summary[f"iou_{key}"]) for key, (words, _) in _SCORES.items()]
    return [*overall, *(score for name in foreground(scores) for score in _of_class(scores, name))]


def foreground(scores: SegmentationScores) -> list[str]:
    """Name the classes but the first, which is the background."""
    return [counted.name for counted in scores.images[0].classes[1:]] if scores.images else []


def _of_class(scores: SegmentationScores, name: str) -> list[Score]:
    alone = of_one_class(scores.images, name)
    return [
        Score(f"{name}, {label}", meaning.format(name), alone[key]) for key, (_, (label, meaning)) in _SCORES.items()
    ]
