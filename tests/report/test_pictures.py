"""Pictures show image, truth and prediction in colours that can be told apart; the shown ones are well chosen."""

import imagecodecs
import numpy as np
import pytest

from cellprune.evaluation.iou import ClassCount, ScoredImage, Size
from cellprune.report.pictures import PREDICTION_COLOUR, TRUTH_COLOUR, overlay_png, pick


def scored(name: str, intersection: int, size: Size = "native", union: int = 10) -> ScoredImage:
    return ScoredImage(name, "01", 0, size, (ClassCount("cell", intersection, union),), 0)


@pytest.mark.parametrize(
    ("intersections", "expected"),
    [
        ([], []),
        ([4], [("best", "0", 0.4)]),
        ([4, 6], [("best", "1", 0.6), ("worst", "0", 0.4)]),
        ([4, 6, 5], [("best", "1", 0.6), ("median", "2", 0.5), ("worst", "0", 0.4)]),
        ([4, 6, 5, 8], [("best", "3", 0.8), ("median", "2", 0.5), ("worst", "0", 0.4)]),
        ([5, 5, 5], [("best", "2", 0.5), ("median", "1", 0.5), ("worst", "0", 0.5)]),
    ],
)
def test_best_median_and_worst_are_picked(intersections: list[int], expected: list) -> None:
    assert pick([scored(str(k), n) for k, n in enumerate(intersections)]) == expected


def test_the_native_size_decides_and_images_without_a_score_are_left_out() -> None:
    undefined = scored("c", 0, union=0)
    images = [scored("a", 9, "network"), scored("a", 1), scored("b", 1, "network"), scored("b", 9), undefined]
    assert pick(images) == [("best", "b", 0.9), ("worst", "a", 0.1)]
    assert [name for _, name, _ in pick([scored("a", 1, "network"), scored("b", 9, "network")])] == ["b", "a"]


def drawn(image: np.ndarray, prediction: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two panels; an image without channels is grey."""
    channels = image.reshape(-1, *prediction.shape)
    picture = imagecodecs.png_decode(overlay_png(channels, prediction, target))
    width = (picture.shape[1] - 8) // 2
    return picture[:, :width], picture[:, -width:]


def has(panel: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool((panel == colour).all(axis=-1).any())


@pytest.mark.parametrize("shape", [(64, 48), (40, 900), (1, 7)])
def test_both_panels_have_the_shape_of_the_image(shape: tuple[int, int]) -> None:
    left, right = drawn(np.random.default_rng(0).random(shape), np.zeros(shape, int), np.zeros(shape, np.uint8))
    assert max(left.shape) == 520
    assert left.shape[1] / left.shape[0] == pytest.approx(shape[1] / shape[0], rel=0.05)
    assert np.array_equal(left, right), "nothing found and nothing there: nothing drawn"


def test_truth_and_prediction_are_both_drawn_where_they_agree() -> None:
    cell = np.zeros((64, 64), int)
    cell[20:40, 20:40] = 1
    left, right = drawn(np.random.default_rng(0).random((64, 64)), cell, cell.astype(np.uint8))
    assert not has(left, TRUTH_COLOUR)
    assert has(right, TRUTH_COLOUR)
    assert has(right, PREDICTION_COLOUR)
    middle = slice(right.shape[0] * 28 // 64, right.shape[0] * 32 // 64)
    assert np.array_equal(left[middle, middle], right[middle, middle]), "inside, the cell stays as it is"


def test_missed_invented_and_unknown_regions_look_different() -> None:
    image = np.tile(np.linspace(0, 1, 64), (64, 1))
    prediction, target = np.zeros((64, 64), int), np.zeros((64, 64), np.uint8)
    target[8:24, 8:24] = 1
    prediction[8:24, 40:56] = 1
    target[40:56] = 255
    _, right = drawn(image, prediction, target)

    def mean(rows: slice, columns: slice) -> np.ndarray:
        scale = right.shape[0] / 64
        rows, columns = (slice(round(s.start * scale), round(s.stop * scale)) for s in (rows, columns))
        return right[rows, columns].reshape(-1, 3).mean(axis=0)

    missed, invented = mean(slice(12, 20), slice(12, 20)), mean(slice(12, 20), slice(44, 52))
    assert missed[0] > missed[2] + 50, "orange: truth alone"
    assert invented[2] > invented[0] + 40, "blue: prediction alone"
    unknown = right[right.shape[0] * 42 // 64 : right.shape[0] * 54 // 64]
    assert np.ptp(unknown, axis=-1).max() < 10, "unknown stays grey"
    assert unknown[:, 0].std() > 50, "and is hatched"


def test_a_colour_image_keeps_its_colours_and_other_channels_become_grey() -> None:
    red = np.zeros((3, 32, 32))
    red[0, 8:24, 8:24] = 1
    nothing = np.zeros((32, 32), int), np.zeros((32, 32), np.uint8)
    left, _ = drawn(red, *nothing)
    assert left[260, 260].tolist() == [252, 0, 0]
    for image in (red[:1], red[:2], np.concatenate([red, red])):
        left, _ = drawn(image, *nothing)
        assert np.ptp(left, axis=-1).max() == 0, "grey"
        assert left[260, 260, 0] > left[10, 10, 0] + 200


def test_a_cell_of_another_class_is_a_mistake_and_classes_have_outlines() -> None:
    right_class, other_class = np.zeros((64, 64), int), np.zeros((64, 64), int)
    right_class[16:48, 16:48] = 2
    other_class[16:48, 16:48] = 1
    target = right_class.astype(np.uint8)
    image = np.random.default_rng(0).random((64, 64))
    plain, agreed = drawn(image, right_class, target)
    _, confused = drawn(image, other_class, target)
    middle = slice(240, 280)
    assert np.array_equal(agreed[middle, middle], plain[middle, middle])
    assert not np.array_equal(confused[middle, middle], plain[middle, middle])
    target[16:48, 32:48] = 1  # two classes that touch
    _, touching = drawn(image, target.astype(int), target)
    assert has(touching[200:300, 255:265], PREDICTION_COLOUR), "the border between them is drawn"


@pytest.mark.parametrize("value", [0.3, np.nan, np.inf])
def test_an_image_without_contrast_is_drawn_grey(value: float) -> None:
    left, _ = drawn(np.full((9, 9), value), np.zeros((9, 9), int), np.zeros((9, 9), np.uint8))
    assert np.unique(left).tolist() == [124]


def test_arrays_of_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in shape"):
        overlay_png(np.zeros((1, 3, 3)), np.zeros((3, 3), int), np.zeros((4, 3), np.uint8))
