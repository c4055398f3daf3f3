"""The one score by which two networks are compared, image by image; larger is better."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Scores = TypeVar("Scores", contravariant=True)


@dataclass(frozen=True)
class Metric(Generic[Scores]):
    """A score, and how it is taken from the scores of a run.

    Attributes:
        name: "IoU", "accuracy", "SEG".
        images: what it is taken of, "frames" or "images".
        watched: what it is called in metrics.csv; "" for what is not watched while a network is trained.
        of_each: scores of a run -> image -> score; without the images whose score is undefined. ValueError where an
            older version did not write them.
        nothing: scores of a run -> why such a network has learned nothing, in a few words; "" if it has. What is not
            worse than such a network is not worth anything either.
    """

    name: str
    images: str
    watched: str
    of_each: Callable[[Scores], dict[str, float]]
    nothing: Callable[[Scores], str]
