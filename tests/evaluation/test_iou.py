"""Each IoU against a slow plain version, MONAI and scikit-learn, on the same arrays with ignored pixels."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cellprune.evaluation.iou import (
    IGNORED,
    ScoredImage,
    Size,
    background_alone,
    class_mean,
    counts,
    ignored_px,
    summary,
)

CLASSES = ("background", "cell")
THREE = ("background", "cell", "border")


def pairs(n: int = 5, classes: int = 2, ignored: float = 0.2) -> list[tuple[np.ndarray, np.ndarray]]:
    """Predictions and targets, each of another size, with every class in every image."""
    rng = np.random.default_rng(0)
    made = []
    for k in range(n):
        prediction = rng.integers(classes, size=(9 + k, 8))
        target = np.where(rng.random((9 + k, 8)) < 0.7, prediction, rng.integers(classes, size=(9 + k, 8)))
        target[rng.random(target.shape) < ignored] = IGNORED
        made.append((prediction, target.astype(np.uint8)))
    return made


def one(
    prediction: np.ndarray, target: np.ndarray, classes: tuple[str, ...] = CLASSES, size: Size = "network"
) -> ScoredImage:
    return ScoredImage("01/000", "01", 0, size, counts(prediction, target, classes), ignored_px(target))


def scored(made: list[tuple[np.ndarray, np.ndarray]], classes: tuple[str, ...] = CLASSES) -> list[ScoredImage]:
    return [one(prediction, target, classes) for prediction, target in made]


def slow_counts(prediction: np.ndarray, target: np.ndarray, n_classes: int) -> list[tuple[int, int]]:
    """Pixel by pixel, as one would say it."""
    made = []
    for k in range(n_classes):
        intersection = union = 0
        for guess, truth in zip(prediction.ravel().tolist(), target.ravel().tolist(), strict=True):
            if truth != IGNORED:
                intersection += guess == k and truth == k
                union += guess == k or truth == k
        made.append((intersection, union))
    return made


@st.composite
def labelled(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    shape = draw(arrays.array_shapes(min_dims=2, max_dims=2, max_side=6))
    prediction = draw(arrays.arrays(np.int64, shape, elements=st.integers(0, 2)))
    return prediction, draw(arrays.arrays(np.uint8, shape, elements=st.sampled_from([0, 1, 2, IGNORED])))


@given(labelled())
def test_counts_equal_the_slow_ones(pair: tuple[np.ndarray, np.ndarray]) -> None:
    counted = counts(*pair, THREE)
    assert [(c.intersection, c.union) for c in counted] == slow_counts(*pair, 3)
    assert [c.truth for c in counted] == [np.count_nonzero(pair[1] == k) for k in range(3)]
    assert ignored_px(pair[1]) == np.count_nonzero(pair[1] == IGNORED)


def test_an_answer_of_background_everywhere_has_the_score_that_is_told() -> None:
    made = pairs(classes=3)
    nothing = scored([(np.zeros_like(prediction), target) for prediction, target in made], THREE)
    assert background_alone(scored(made, THREE)) == summary(nothing)["iou_image_mean"]["network"] > 0
    older = one(*made[0], THREE)
    older = replace(older, classes=tuple(replace(counted, truth=None) for counted in older.classes))
    assert background_alone([older]) is None


@given(labelled(), st.integers(-1000, 1000))
def test_what_is_predicted_where_the_truth_is_unknown_changes_nothing(
    pair: tuple[np.ndarray, np.ndarray], value: int
) -> None:
    prediction, target = pair
    relabelled = np.where(target == IGNORED, value, prediction)
    assert counts(relabelled, target, THREE) == counts(prediction, target, THREE)


@given(labelled())
def test_a_perfect_prediction_scores_one_and_a_score_lies_between_zero_and_one(
    pair: tuple[np.ndarray, np.ndarray],
) -> None:
    prediction, target = pair
    nothing_known = (target == IGNORED).all()
    assert class_mean(counts(target, target, THREE)) == (None if nothing_known else 1)
    score = class_mean(counts(prediction, target, THREE))
    assert score is None or 0 <= score <= 1


@pytest.mark.parametrize("classes", [CLASSES, THREE])
def test_scikit_learn_gives_the_same(classes: tuple[str, ...]) -> None:
    from sklearn.metrics import jaccard_score

    made = pairs(classes=len(classes))
    known = [(target[target != IGNORED], prediction[target != IGNORED]) for prediction, target in made]
    pooled = tuple(np.concatenate(arrays) for arrays in zip(*known, strict=True))
    labels = list(range(len(classes)))
    expected = {
        "iou_image_mean": np.mean([jaccard_score(*pair, labels=labels, average="macro") for pair in known]),
        "iou_pooled": jaccard_score(*pooled, labels=labels, average="macro"),
        "iou_cell_image_mean": np.mean([jaccard_score(*pair, labels=[1], average="macro") for pair in known]),
        "iou_cell_pooled": jaccard_score(*pooled, labels=[1], average="macro"),
    }
    for at, name in enumerate(classes[2:], start=2):
        alone = [jaccard_score(*pair, labels=[at], average="macro") for pair in known]
        expected[f"iou_{name}_image_mean"] = np.mean(alone)
        expected[f"iou_{name}_pooled"] = jaccard_score(*pooled, labels=[at], average="macro")
    found = summary(scored(made, classes))
    assert list(found) == list(expected)
    for name, score in found.items():
        assert score["network"] == pytest.approx(expected[name], abs=1e-12), name


def one_hot(labels: np.ndarray, known: np.ndarray, n_classes: int) -> Any:
    """(1, C, H, W) for MONAI, which knows no ignored pixels: they become no class in both arrays."""
    import torch

    return torch.stack([torch.from_numpy((labels == k) & known) for k in range(n_classes)])[None].float()


def test_monai_gives_the_same() -> None:
    from monai.metrics import MeanIoU, compute_iou

    no_cells = (np.zeros((4, 4), int), np.zeros((4, 4), np.uint8))  # a class left out of its image's mean
    made = [*pairs(), no_cells]
    hot = [tuple(one_hot(labels, target != IGNORED, 2) for labels in (guess, target)) for guess, target in made]
    per_image = np.array([compute_iou(*pair, include_background=True).numpy()[0] for pair in hot])
    metric = MeanIoU(include_background=True, reduction="mean", get_not_nans=True)
    for pair in hot:
        metric(*pair)
    mean, n_defined = metric.aggregate()
    assert n_defined.item() == len(made)
    told = summary(scored(made))
    assert told["iou_image_mean"]["network"] == pytest.approx(mean.item(), abs=1e-6)
    assert told["iou_image_mean"]["network"] == pytest.approx(np.nanmean(per_image, axis=1).mean(), abs=1e-6)
    assert told["iou_cell_image_mean"]["network"] == pytest.approx(np.nanmean(per_image[:, 1]), abs=1e-6)
    pooled = compute_iou(*(_side_by_side(arrays) for arrays in zip(*hot, strict=True)), include_background=True)
    assert told["iou_pooled"]["network"] == pytest.approx(pooled.mean().item(), abs=1e-6)
    assert told["iou_cell_pooled"]["network"] == pytest.approx(pooled[0, 1].item(), abs=1e-6)


def _side_by_side(images: Any) -> Any:
    """All pixels of all images as one image: MONAI sums counts over an image."""
    import torch

    return torch.cat([image.flatten(2) for image in images], dim=2)[..., None]


def test_a_class_that_nobody_shows_is_left_out() -> None:
    empty, half = np.zeros((2, 2), int), np.array([[0, 0], [1, 1]])
    nothing_there = one(empty, empty.astype(np.uint8))
    half_found = one(half, np.ones((2, 2), np.uint8))
    told = summary([nothing_there, half_found])
    assert told["iou_image_mean"] == {"network": (1 + (0 + 0.5) / 2) / 2, "native": None}
    assert told["iou_cell_image_mean"] == {"network": 0.5, "native": None}
    assert told["iou_pooled"]["network"] == (4 / 6 + 2 / 4) / 2
    assert told["iou_cell_pooled"]["network"] == 0.5


def test_sizes_are_scored_apart() -> None:
    (small, large) = scored(pairs(2))
    told = summary([small, replace(large, size="native")])
    assert told["iou_pooled"] == {"network": class_mean(small.classes), "native": class_mean(large.classes)}


def test_no_image_and_nothing_known_give_none() -> None:
    unknown = one(np.zeros((2, 2), int), np.full((2, 2), IGNORED, np.uint8))
    for images in ([], [unknown]):
        assert {score["network"] for score in summary(images).values()} == {None}


def test_no_class_of_cells_gives_no_score_of_cells() -> None:
    image = one(np.zeros((2, 2), int), np.zeros((2, 2), np.uint8), ("background", "nucleus"))
    assert list(summary([image])) == ["iou_image_mean", "iou_pooled", "iou_nucleus_image_mean", "iou_nucleus_pooled"]
    assert summary([image])["iou_nucleus_pooled"]["network"] is None


@pytest.mark.parametrize(
    ("prediction", "target", "said"),
    [
        (np.zeros((2, 3), int), np.zeros((3, 2), np.uint8), r"prediction \(2, 3\) and target \(3, 2\) differ"),
        (np.full((2, 2), 2), np.zeros((2, 2), np.uint8), r"the prediction has values 2\.\.2 for 2 classes"),
        (np.full((2, 2), -1), np.zeros((2, 2), np.uint8), r"the prediction has values -1\.\.-1"),
        (np.zeros((2, 2), int), np.full((2, 2), 2, np.uint8), r"the target has values 2\.\.2"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(prediction: np.ndarray, target: np.ndarray, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        counts(prediction, target, CLASSES)
