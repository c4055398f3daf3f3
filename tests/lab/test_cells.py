"""From classes to cells, and their measures."""

import csv
import io

import numpy as np
import pytest

from cellprune.lab.cells import COLUMNS, as_csv, cells
from cellprune.targets.classes import cells_of
from cellprune.targets.decoders import Components


def rows(classes: np.ndarray, pixel_size_um=None) -> list[dict]:
    labels, class_of = cells_of(classes, Components())
    names = [("background", "cell", "debris")[k] for k in class_of]
    return list(cells(labels, names, image="a.tif", frame=3, pixel_size_um=pixel_size_um))


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
    }  # fmt: skip
    assert (second["class"], second["area_px"], second["touches_border"]) == ("debris", 1, 1)


@pytest.mark.parametrize("place", [(0, 5), (9, 5), (5, 0), (5, 9)])
def test_each_border_counts(place: tuple[int, int]) -> None:
    classes = np.zeros((10, 10), np.uint8)
    classes[place] = 1
    assert rows(classes)[0]["touches_border"] == 1
    assert rows(classes)[0]["area_um2"] is None


def test_against_regionprops() -> None:
    from skimage.measure import regionprops

    classes = (np.random.default_rng(0).random((60, 70)) > 0.7).astype(np.uint8)
    labels, _ = cells_of(classes, Components())
    for row, theirs in zip(rows(classes), regionprops(labels), strict=True):
        assert (row["label"], row["area_px"]) == (theirs.label, theirs.area)
        assert (row["y_px"], row["x_px"]) == pytest.approx(theirs.centroid, abs=6e-4)


@pytest.mark.parametrize(
    "name", ["=cmd|' /C calc'!A1", "+1", "-1", "@SUM(A1)", "\t=1", 'a,"b".tif', "<b>x</b>.tif", "ü\nx"]
)
def test_names_from_outside_are_no_formulas_and_break_no_line(name: str) -> None:
    row = dict.fromkeys(COLUMNS) | {"image": name, "class": name, "y_px": -1.5}
    (read,) = csv.DictReader(io.StringIO(as_csv([row])))
    assert read["image"].removeprefix("'") == name
    assert not read["image"].startswith(("=", "+", "-", "@", "\t"))
    assert read["class"] == read["image"]
    assert read["y_px"] == "-1.5", "a number stays one"
    assert read["x_um"] == "", "unknown is empty"


def test_a_table_without_cells_has_its_header() -> None:
    assert as_csv([]) == ",".join(COLUMNS) + "\n"
