"""Intersection over union of classes, by the four names this field mixes up, from counts that can be kept.

`iou_image_mean`      per image the mean over its classes, then the mean over images: the main score
`iou_pooled`          counts summed over all images first, then the mean over classes
`iou_cell_image_mean` the first for the class "cell" alone; so for every class but the background
`iou_cell_pooled`     the second for the class "cell" alone; so for every class but the background

All are in 0..1, larger is better. A class that neither prediction nor truth shows is undefined: it is left out of its
mean, never counted as 0 or 1, and a score without any defined class is None. None of these is the challenge's SEG,
which goes cell by cell.

Source: Jaccard 1901 for the ratio; Everingham et al. 2015 (10.1007/s11263-014-0733-5), section 4.2, for pooled counts
with a void label left out.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

IGNORED = 255  # in a target: neither learned nor scored
Size = Literal["network", "native"]
"""At which size an image is judged: as the network takes it in, or as it is."""
SIZES: tuple[Size, ...] = get_args(Size)


@dataclass(frozen=True)
class ClassCount:
    """Pixels of one class, in an image or in many.

    Attributes:
        intersection: pixels of the class in prediction and truth.
        union: pixels of the class in prediction or truth.
        truth: pixels of the class in the truth; None where an older version did not count them.
    """

    name: str
    intersection: int
    union: int
    truth: int | None = None

    @property
    def iou(self) -> float | None:
        """Intersection over union; None where neither prediction nor truth shows the class."""
        return self.intersection / self.union if self.union else None


Classes = Sequence[ClassCount]
"""The classes of an image, counted, in the order of their indices: the first is the background."""


@dataclass(frozen=True)
class ScoredImage:
    """An image, judged at one size.

    Attributes:
        id: its name for people.
        sequence: the recording or folder that it is from.
        frame: its number there.
        ignored_px: pixels whose truth is unknown.
    """

    id: str
    sequence: str
    frame: int
    size: Size
    classes: tuple[ClassCount, ...]
    ignored_px: int


Summary = Mapping[str, Mapping[Size, float | None]]
"""Name of the score -> size -> value; None where nothing is defined."""


def counts(prediction: np.ndarray, target: np.ndarray, classes: Sequence[str]) -> tuple[ClassCount, ...]:
    """Count the pixels from which every IoU of an image can be made, now or later.

    Args:
        prediction: (H, W) integer, an index into `classes` at every pixel that is not ignored.
        target: (H, W) uint8, an index into `classes`, or 255 where the truth is unknown.
        classes: names in the order of their indices.
    Raises:
        ValueError: shapes differ, or a pixel is of no class.
    """
    if prediction.shape != target.shape:
        raise ValueError(f"prediction {prediction.shape} and target {target.shape} differ in shape")
    known = target != IGNORED
    truth, guess = target[known].astype(np.int64), prediction[known].astype(np.int64)
    for what, values in (("target", truth), ("prediction", guess)):
        if values.size and not 0 <= values.min() <= values.max() < len(classes):
            raise ValueError(f"the {what} has values {values.min()}..{values.max()} for {len(classes)} classes")
    confusion = np.bincount(truth * len(classes) + guess, minlength=len(classes) ** 2)
    confusion = confusion.reshape(len(classes), len(classes))
    intersections = confusion.diagonal()
    unions = confusion.sum(axis=0) + confusion.sum(axis=1) - intersections
    return tuple(
        ClassCount(name, int(i), int(u), int(t))
        for name, i, u, t in zip(classes, intersections, unions, confusion.sum(axis=1), strict=True)
    )


def ignored_px(target: np.ndarray) -> int:
    """Count the pixels whose truth is unknown."""
    return int((target == IGNORED).sum())


def summary(images: Sequence[ScoredImage]) -> dict[str, dict[Size, float | None]]:
    """Give every score of all classes together, then of each class but the background alone, at each size.

    Args:
        images: of any sizes mixed; all of the same classes, the first of them background.
    Returns:
        See `Summary`; "iou_image_mean" of all classes is "iou_cell_image_mean" of the class "cell".
    """
    scores = dict(_at_each_size(images))
    for alone in [counted.name for counted in images[0].classes[1:]] if images else []:
        for name, of_class in _at_each_size(images, alone):
            scores[of_one_class(name, alone)] = of_class
    return scores


def of_one_class(score: str, name: str) -> str:
    """Name a score of one class alone, "iou_cell_pooled" for "iou_pooled"."""
    kind, _, how = score.partition("_")
    return f"{kind}_{name}_{how}"


def _at_each_size(
    images: Sequence[ScoredImage], alone: str | None = None
) -> Iterator[tuple[str, dict[Size, float | None]]]:
    at: dict[Size, list[Classes]] = {
        size: [[c for c in image.classes if alone in (None, c.name)] for image in images if image.size == size]
        for size in SIZES
    }
    for name, score in SCORES.items():
        yield name, {size: score.compute(at[size]) for size in SIZES}


def background_alone(images: Sequence[ScoredImage]) -> float | None:
    """Give the headline score of a prediction that is background everywhere: any network has to beat it.

    Args:
        images: of one size.
    Returns:
        Mean over images of the mean over classes; None where no image has a score, or the truth was not counted (by an
        older cellprune).
    """
    answers = [answer for image in images if (answer := _as_background(image.classes)) is not None]
    return _image_mean(answers) if len(answers) == len(images) else None


def _as_background(classes: Classes) -> Classes | None:
    truths = [counted.truth for counted in classes if counted.truth is not None]
    if len(truths) < len(classes):
        return None
    background, *others = classes
    right = ClassCount(background.name, truths[0], sum(truths))
    return [right, *(ClassCount(other.name, 0, missed) for other, missed in zip(others, truths[1:], strict=True))]


def class_mean(classes: Iterable[ClassCount]) -> float | None:
    """Mean IoU over the classes that are defined, of one image or of many pooled; None if none is."""
    return _mean(counted.iou for counted in classes)


def _image_mean(images: Iterable[Classes]) -> float | None:
    return _mean(class_mean(classes) for classes in images)


def _pooled(images: Iterable[Classes]) -> float | None:
    totals: dict[str, ClassCount] = {}
    for classes in images:
        for counted in classes:
            total = totals.get(counted.name, ClassCount(counted.name, 0, 0))
            totals[counted.name] = ClassCount(
                counted.name, total.intersection + counted.intersection, total.union + counted.union
            )
    return class_mean(totals.values())


def _mean(values: Iterable[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return sum(defined) / len(defined) if defined else None


@dataclass(frozen=True)
class NamedScore:
    """A score of a run, computed from the counts of its images alone.

    Attributes:
        compute: the classes of each image -> the score, larger is better; None where it is undefined.
        label: what it is called on pages, of all classes or of one.
        meaning: of all classes, in a few words.
        meaning_of_one: of one class, whose name takes the place of {}.
    """

    compute: Callable[[Sequence[Classes]], float | None]
    label: str
    meaning: str
    meaning_of_one: str


SCORES = {
    "iou_image_mean": NamedScore(
        _image_mean,
        "mean over images",
        "per image the mean of its classes, then the mean over images: the main score",
        "the class {} alone, then the mean over images",
    ),
    "iou_pooled": NamedScore(
        _pooled,
        "pooled",
        "pixels of all images counted together, then the mean of the classes",
        "the class {} alone, pixels of all images counted together",
    ),
}
