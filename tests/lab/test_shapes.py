"""Measures of cells, against scikit-image and against shapes whose answer is known."""

import numpy as np
import pytest
from skimage.measure import label, perimeter_crofton, regionprops

from cellprune.lab.shapes import intensities, measured


def blobs(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return label(rng.random(rng.integers(8, 60, 2)) < rng.uniform(0.1, 0.7)).astype(np.uint16)


def ellipse(pixel_size: tuple[float, float], *, long: float = 30, short: float = 12, degrees: float = 0) -> np.ndarray:
    """Draw an ellipse that is the same in the unit of the pixel size, whatever that is."""
    rows, columns = np.mgrid[:160, :160]
    y, x = -(rows - 80) * pixel_size[0], (columns - 80) * pixel_size[1]
    turn = np.radians(degrees)
    along, away = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    return ((along / long) ** 2 + (away / short) ** 2 <= 1).astype(np.uint16)


@pytest.mark.parametrize("seed", range(6))
def test_they_are_those_of_scikit_image(seed: int) -> None:
    labels = blobs(seed)
    channel = np.random.default_rng(seed).integers(0, 60_000, labels.shape)
    shapes, (means, deviations) = measured(labels), intensities(labels, channel)
    for theirs in regionprops(labels, intensity_image=channel):
        at = theirs.label
        assert shapes.area_px[at] == theirs.area
        assert (shapes.y_px[at], shapes.x_px[at]) == pytest.approx(theirs.centroid)
        assert shapes.eccentricity[at] == pytest.approx(theirs.eccentricity, abs=1e-6)
        assert shapes.perimeter[at] == pytest.approx(perimeter_crofton(np.pad(theirs.image, 1), 4))
        assert (means[at], deviations[at]) == pytest.approx((theirs.intensity_mean, theirs.intensity_std))
        if not np.isnan(shapes.orientation_deg[at]):  # theirs is from the rows' axis
            assert np.sin(np.radians(shapes.orientation_deg[at] - 90) - theirs.orientation) == pytest.approx(
                0, abs=1e-6
            )


@pytest.mark.parametrize("pixel_size", [(1, 1), (0.5, 1), (1, 0.6)])
@pytest.mark.parametrize("degrees", [0, 30, 90, 150])
def test_a_cell_is_the_same_whatever_its_pixels_are(pixel_size: tuple[float, float], degrees: float) -> None:
    shapes = measured(ellipse(pixel_size, degrees=degrees), pixel_size)
    assert shapes.area_px[1] * pixel_size[0] * pixel_size[1] == pytest.approx(np.pi * 30 * 12, rel=0.01)
    assert shapes.perimeter[1] == pytest.approx(138.0, rel=0.06)  # four directions see no more of a flat ellipse
    assert shapes.eccentricity[1] == pytest.approx(np.sqrt(1 - (12 / 30) ** 2), abs=0.01)
    assert abs((shapes.orientation_deg[1] - degrees + 90) % 180 - 90) < 1
    assert shapes.solidity[1] > 0.98


@pytest.mark.parametrize(
    ("drawn", "solidity"),
    [
        (["#"], 1), (["###"], 1), (["#", "#"], 1), (["#..", ".#.", "..#"], 1), (["..#", "###", "#.."], 1),
        (["#.#"], 2 / 3), (["###", "#.#"], 5 / 6), (["#...", "#...", "####"], 6 / 7), (["#..#", "....", "#..#"], 1 / 3),
    ],
)  # fmt: skip
def test_solidity_is_the_share_of_the_hulls_pixels(drawn: list[str], solidity: float) -> None:
    image = np.array([[pixel == "#" for pixel in row] for row in drawn])
    for labels in (image, image.T, image[::-1], np.pad(image, 3)):
        assert measured(labels.astype(np.uint16)).solidity[1] == pytest.approx(solidity)


def test_a_hull_knows_its_own_cell_only() -> None:
    labels = np.zeros((20, 20), np.uint16)
    labels[2:6, 2:6], labels[4:12, 9], labels[11, 9:15], labels[15:18, 1:19:2] = 1, 2, 2, 3
    alone = [float(measured((labels == cell).astype(np.uint16)).solidity[1]) for cell in (1, 2, 3)]
    assert measured(labels).solidity[1:].tolist() == alone


def test_what_touches_the_image_border_is_told_and_its_outline_is_closed() -> None:
    labels = np.zeros((9, 9), np.uint16)
    labels[0, 4], labels[4, 0], labels[8, 4], labels[4, 8], labels[4, 4] = 1, 2, 3, 4, 5
    shapes = measured(labels)
    assert shapes.touches_border[1:].tolist() == [True] * 4 + [False]
    assert len(set(shapes.perimeter[1:].tolist())) == 1


@pytest.mark.parametrize("size", [(0, 4), (3, 4)])
def test_nothing_has_no_measures(size: tuple[int, int]) -> None:
    labels = np.zeros(size, np.uint16)
    assert len(measured(labels).area_px) == 1
    assert intensities(labels, labels)[0].tolist() == [0]
