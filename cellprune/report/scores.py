"""The scores of a run by the names that people read, from the counts in scores.json."""

from collections.abc import Mapping
from typing import NamedTuple

from cellprune.evaluation.iou import SCORES, Size, of_one_class, summary
from cellprune.runs.scores import SegmentationScores


class Score(NamedTuple):
    """One named score: what it is called, what it means, and size -> value, None where it is undefined."""

    label: str
    meaning: str
    at: Mapping[Size, float | None]


def named(scores: SegmentationScores) -> list[Score]:
    """Give every score over all classes, then those of each class but the background."""
    values = summary(scores.images)  # from the counts: an older file does not know every score
    overall = [Score(score.label, score.meaning, values[key]) for key, score in SCORES.items()]
    return [
        *overall,
        *(
            Score(f"{name}, {score.label}", score.meaning_of_one.format(name), values[of_one_class(key, name)])
            for name in foreground(scores)
            for key, score in SCORES.items()
        ),
    ]


def foreground(scores: SegmentationScores) -> list[str]:
    """Name the classes but the first, which is the background."""
    return [counted.name for counted in scores.images[0].classes[1:]] if scores.images else []
