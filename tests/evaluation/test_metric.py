"""When a network has learned nothing, by the scores of its run."""

from dataclasses import replace

import numpy as np
import pytest

from cellprune.config.names import resolve
from cellprune.evaluation import iou
from cellprune.runs.scores import ClassificationScores, ClassScores, Scores, SegmentationScores

TARGET = np.zeros((20, 20), np.uint8)
TARGET[:4] = 1  # a fifth is cell: an answer of background everywhere has (0.8 + 0) / 2


def segmented(prediction: np.ndarray, *, target: np.ndarray = TARGET) -> SegmentationScores:
    counted = iou.counts(prediction, target, ("background", "cell"))
    images = tuple(iou.ScoredImage("a", "01", 0, size, counted, 0) for size in iou.SIZES)
    return SegmentationScores("segmentation", "ignore", "report", images, iou.summary(images), ())


def classified(*rows: tuple[int, int]) -> ClassificationScores:
    classes = tuple(ClassScores(f"c{k}", n, right, right / n) for k, (n, right) in enumerate(rows))
    accuracy = sum(row.correct for row in classes) / sum(row.images for row in classes)
    summary = {"accuracy": accuracy, "accuracy_class_mean": accuracy}
    return ClassificationScores("classification", None, "report", classes, (), summary)


def told(task: str, scores: Scores) -> str:
    return resolve("results", task).metric.nothing(scores).replace("\u00a0", " ")


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
        images = tuple(
            replace(image, classes=tuple(replace(counted, truth=None) for counted in image.classes))
            for image in scores.images
        )
        assert bool(told("segmentation", replace(scores, images=images))) is nothing


@pytest.mark.parametrize(
    ("rows", "nothing"), [([(5, 5), (3, 0)], True), ([(5, 5), (3, 1)], False), ([(4, 1), (4, 1)], True)]
)
def test_a_classifier_has_to_beat_the_most_frequent_class(rows: list[tuple[int, int]], nothing: bool) -> None:
    said = told("classification", classified(*rows))
    assert bool(said) is nothing
    if nothing:
        assert "always answering 'c0', the most frequent class, would have" in said
