"""From classes to cells, and their measures."""

import re
from pathlib import Path

import numpy as np
import pytest

from cellprune.lab.cells import COLUMNS, cells
from cellprune.targets.classes import cells_of
from cellprune.targets.decoders import Components


def rows(classes: np.ndarray, pixel_size_um=None) -> list[dict]:
    labels, class_of = cells_of(classes, Components())
    names = [("background", "cell", "debris")[k] for k in class_of]
    levels = np.arange(2 * classes.size).reshape(2, *classes.shape) % 251
    return list(cells(labels, names, levels, image="a.tif", frame=3, pixel_size_um=pixel_size_um))


def test_no_cell_gives_no_row() -> None:
    labels, class_of = cells_of(np.zeros((4, 4), np.uint8), Components())
    assert not labels.any()
    assert class_of.tolist() == [0]
    assert rows(np.zeros((4, 4), np.uint8)) == []


def test_a_cell_is_measured_in_pixels_and_um() -> None:
    classes = np.zeros((20, 30), np.uint8)
    classes[4:8, 10:16] = 1
    classes[19, 29] = 2
    first, second = rows(classes, (0.5, 2.0))
    assert first == {
        "image": "a.tif", "frame": 3, "label": 1, "class": "cell", "area_px": 24, "area_um2": 24.0, "y_px": 5.5,
        "x_px": 12.5, "y_um": 2.75, "x_um": 25.0, "touches_border": 0,
        "perimeter_px": 17.85, "perimeter_um": 23.257, "eccentricity": 0.987, "orientation_deg": 0.0, "solidity": 1.0,
        "mean_c0": 177.5, "deviation_c0": 33.5845, "mean_c1": 87.25, "deviation_c1": 85.3997,
    }  # fmt: skip
    assert list(first)[: len(COLUMNS)] == list(COLUMNS), "the columns of channels come after those of all tables"
    assert (second["class"], second["area_px"], second["touches_border"]) == ("debris", 1, 1)


@pytest.mark.parametrize("place", [(0, 5), (9, 5), (5, 0), (5, 9)])
def test_each_border_counts(place: tuple[int, int]) -> None:
    classes = np.zeros((10, 10), np.uint8)
    classes[place] = 1
    assert rows(classes)[0]["touches_border"] == 1
    assert rows(classes)[0]["area_um2"] is None


def test_every_column_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/cells.md").read_text(encoding="utf-8")
    rows_of_table = [line for line in page.splitlines() if line.startswith("| `")]
    assert re.findall(r"`(\w+)`", " ".join(row.split("|")[1] for row in rows_of_table))[: len(COLUMNS)] == list(COLUMNS)


def test_grey_levels_keep_six_digits_wherever_the_point_is() -> None:
    labels, levels = np.ones((2, 2), np.uint16), np.array([[[1, 2], [3, 5]]])
    for factor in (1e-6, 1, 1e4):
        (row,) = cells(labels, ["", "cell"], levels * factor, image="a", frame=0, pixel_size_um=None)
        assert (row["mean_c0"], row["deviation_c0"]) == (2.75 * factor, pytest.approx(1.47902 * factor, rel=1e-5))
