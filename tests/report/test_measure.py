"""When a network has learned nothing, by the scores of its run."""

from typing import Any

import numpy as np
import pytest

from cellprune.config.names import resolve
from cellprune.evaluation import iou

TARGET = np.zeros((20, 20), np.uint8)
TARGET[:4] = 1  # a fifth is cell: an answer of background everywhere has (0.8 + 0) / 2


def segmented(prediction: np.ndarray, *, target: np.ndarray = TARGET) -> dict[str, Any]:
    counted = iou.counts(prediction, target, ("background", "cell"))
    images = [{"id": "a", "size": size, **counted} for size in iou.SIZES]
    return {"images": images, "summary": iou.summary(images)}


def classified(*rows: tuple[int, int]) -> dict[str, Any]:
    classes = [{"name": f"c{k}", "images": n, "correct": right} for k, (n, right) in enumerate(rows)]
    accuracy = sum(row["correct"] for row in classes) / sum(row["images"] for row in classes)
    return {"classes": classes, "summary": {"accuracy": accuracy}}


def told(task: str, scores: dict[str, Any]) -> str:
    return resolve("results", task).measure.nothing(scores).replace("\u00a0", " ")


def test_a_network_that_finds_no_cell_has_learned_nothing() -> None:
    assert told("segmentation", segmented(np.zeros((20, 20), int))) == "its IoU of cell is 0"
    assert told("segmentation", segmented(TARGET[::-1].astype(int))) == "its IoU of cell is 0", "all at wrong places"


def test_one_that_does_worse_than_background_everywhere_has_learned_nothing() -> None:
    guess = np.ones((20, 20), int)  # cell everywhere: (0 + 0.2) / 2
    assert told("segmentation", segmented(guess)) == (
        "its IoU is 0.1000, and an answer of background everywhere would have 0.4000"
    )
    assert told("segmentation", segmented(TARGET.astype(int))) == ""


def test_where_there_is_no_cell_nothing_can_be_said() -> None:
    empty = np.zeros((20, 20), np.uint8)
    assert told("segmentation", segmented(np.zeros((20, 20), int), target=empty)) == ""


def test_scores_of_an_older_cellprune_tell_of_cells_alone() -> None:
    for guess, nothing in ((np.ones((20, 20), int), False), (np.zeros((20, 20), int), True)):
        scores = segmented(guess)
        for image in scores["images"]:
            image["classes"] = [{k: v for k, v in counted.items() if k != "truth"} for counted in image["classes"]]
        assert bool(told("segmentation", scores)) is nothing


@pytest.mark.parametrize(
    ("rows", "nothing"), [([(5, 5), (3, 0)], True), ([(5, 5), (3, 1)], False), ([(4, 1), (4, 1)], True)]
)
def test_a_classifier_has_to_beat_the_most_frequent_class(rows: list[tuple[int, int]], nothing: bool) -> None:
    said = told("classification", classified(*rows))
    assert bool(said) is nothing
    if nothing:
        assert "always answering 'c0', the most frequent class, would have" in said
