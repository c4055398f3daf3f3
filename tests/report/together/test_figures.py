"""Figures of several runs stand gaps and any number of runs."""

import xml.etree.ElementTree as ET

import pytest
from matplotlib.text import Annotation

from cellprune.report.drawing import drawing, name_points, spread_out
from cellprune.report.together import figures
from cellprune.report.together.group import Folded, Seeds
from cellprune.runs.metrics import Epoch


def epoch(loss: float, iou: float | None = None) -> Epoch:
    return Epoch(0, 1, loss, {"iou_image_mean": iou}, 1e-3, None, 1.0)


def words(svg: str) -> str:
    return "".join(ET.fromstring(svg).itertext())


@pytest.mark.parametrize(
    "runs",
    [
        [],
        [(0, [])],
        [(0, [epoch(float("nan"))]), (1, [epoch(0.0, 0.5)])],
        [(k, [epoch(1.0), epoch(0.1, 0.5)]) for k in range(40)],
    ],
)
def test_curves_are_drawn_for_any_runs(runs: list) -> None:
    told = words(figures.curves(runs, "iou_image_mean", "Held-out IoU"))
    assert "Training loss" in told
    assert "mathdefault" not in told, "numbers are written as numbers"


def test_differences_name_their_rows_and_the_direction() -> None:
    told = words(figures.differences([("1  a$b$", 1, [0.1, -0.1]), ("2  c", 2, []), ("3  d", 3, [0.0])], "IoU"))
    assert "a$b$" in told
    assert "better" in told
    assert "d" in words(figures.differences([("1  d", 1, [0.0])], "IoU")), "also where nothing differs"


def test_scores_over_a_cost_name_their_points_and_leave_out_what_is_unknown() -> None:
    known, unknown = Seeds({0: 0.7, 1: 0.8}, 0.75, (0.1, 1.4)), Seeds({}, None, None)
    rows = [
        (Folded(f"m{at}", at, (5 * at + 11,), 2, True, {"seg": seg, "iou": known}, {}, cost, 9, 0.5), cost)
        for at, (seg, cost) in enumerate([(known, 2e6), (unknown, 4e9)])
    ]
    told = words(figures.over_cost(rows, {"seg": "SEG", "iou": "IoU"}, "multiply-adds", "{:g}".format))
    assert [told.count(word) for word in ("SEG", "IoU", "multiply-adds", "11", "16")] == [1, 1, 2, 2, 1]


def test_settings_have_colours_of_their_own_and_then_other_lines() -> None:
    looks = [(figures.colour(variant), figures.lap(variant)) for variant in range(13)]
    assert len(set(looks)) == 13
    assert figures.colour(0) not in {figures.colour(variant) for variant in range(1, 13)}


def test_costs_far_apart_are_spread_out_unless_one_is_zero() -> None:
    with drawing(height=1, columns=1) as (_, (axes,)):
        for costs, scale in (([1.0, 4.0], "linear"), ([0.0, 9.0], "linear"), ([1.0, 9.0], "log")):
            spread_out(axes, costs)
            assert axes.get_xscale() == scale


def test_labels_of_points_at_one_place_stand_above_each_other() -> None:
    with drawing(height=3, columns=1) as (figure, (axes,)):
        axes.plot([0, 1], [0, 1])
        figure.draw_without_rendering()
        name_points(axes, [(0.5, 0.5, "1"), (0.5, 0.501, "2"), (0.5, 0.5, "3"), (0.9, 0.5, "4")])
        ups = {label.get_text(): label.xyann[1] for label in axes.texts if isinstance(label, Annotation)}
    assert ups["4"] == ups["1"] == 0, "alone at its place, or the lowest there"
    assert [ups["3"], ups["2"]] == pytest.approx([9, 18], abs=1)
