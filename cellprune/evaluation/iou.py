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

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

IGNORED = 255  # in a target: neither learned nor scored
SIZES = ("256", "native")

Image = Mapping[str, Any]  # an entry of scores.json: {"size", "classes": [{"name", "intersection", "union"}], ...}


def counts(prediction: np.ndarray, target: np.ndarray, classes: Sequence[str]) -> dict[str, Any]:
    """Count the pixels from which every IoU of an image can be made, now or later.

    Args:
        prediction: (H, W) integer, an index into `classes` at every pixel that is not ignored.
        target: (H, W) uint8, an index into `classes`, or 255 where the truth is unknown.
        classes: names in the order of their indices.
    Returns:
        {"classes": [{"name", "intersection", "union", "truth"}], "ignored_px"}, all plain int; "truth" are the pixels
        that are of the class.
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
    return {
        "classes": [
            {"name": name, "intersection": int(i), "union": int(u), "truth": int(t)}
            for name, i, u, t in zip(classes, intersections, unions, confusion.sum(axis=1), strict=True)
        ],
        "ignored_px": int(target.size - truth.size),
    }


def summary(images: Sequence[Image]) -> dict[str, dict[str, float | None]]:
    """Give every score, at each size.

    Args:
        images: entries of scores.json, of any sizes mixed; all of the same classes, the first of them background.
    Returns:
        name of the score -> {"256": score, "native": score}; None where nothing is defined.
    """
    at = {size: [image for image in images if image["size"] == size] for size in SIZES}
    found = {f"iou_{name}": {size: score(at[size]) for size in SIZES} for name, score in _SCORES.items()}
    for alone in [counted["name"] for counted in images[0]["classes"][1:]] if images else []:
        of_class = {size: [_only(image, alone) for image in at[size]] for size in SIZES}
        for name, score in _SCORES.items():
            found[f"iou_{alone}_{name}"] = {size: score(of_class[size]) for size in SIZES}
    return found


def background_alone(images: Sequence[Image]) -> float | None:
    """Give the main score of a prediction that is background everywhere: any network has to beat it.

    Args:
        images: entries of scores.json of one size.
    Returns:
        Mean over images of the mean over classes; None where no image has a score, or the truth was not counted (by an
        older cellprune).
    """
    if not all("truth" in counted for image in images for counted in image["classes"]):
        return None
    return _image_mean([{"classes": _as_background(image["classes"])} for image in images])


def _as_background(classes: Sequence[Mapping[str, int]]) -> list[dict[str, int]]:
    known = sum(counted["truth"] for counted in classes)
    background, *others = (counted["truth"] for counted in classes)
    return [
        {"intersection": background, "union": known},
        *({"intersection": 0, "union": missed} for missed in others),
    ]


def class_mean(classes: Iterable[Mapping[str, Any]]) -> float | None:
    """Mean IoU over the classes that are defined; None if none is.

    Args:
        classes: counted classes of one image, or of many pooled.
    """
    return _mean(iou(counted) for counted in classes)


def iou(counted: Mapping[str, Any]) -> float | None:
    """IoU of one counted class; None where neither prediction nor truth shows it."""
    return counted["intersection"] / counted["union"] if counted["union"] else None


def _image_mean(images: Sequence[Image]) -> float | None:
    return _mean(class_mean(image["classes"]) for image in images)


def _pooled(images: Sequence[Image]) -> float | None:
    totals: dict[str, dict[str, int]] = {}
    for image in images:
        for counted in image["classes"]:
            total = totals.setdefault(counted["name"], {"intersection": 0, "union": 0})
            total["intersection"] += counted["intersection"]
            total["union"] += counted["union"]
    return class_mean(totals.values())


def _only(image: Image, name: str) -> Image:
    """The image with all classes but one left out."""
    return {"classes": [counted for counted in image["classes"] if counted["name"] == name]}


def _mean(values: Iterable[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return sum(defined) / len(defined) if defined else None


_SCORES: dict[str, Callable[[Sequence[Image]], float | None]] = {"image_mean": _image_mean, "pooled": _pooled}
