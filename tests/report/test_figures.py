"""Figures are well-formed SVG, the same every time, and stand odd names and missing numbers."""

import xml.etree.ElementTree as ET

import pytest

from cellprune.report import drawing, figures
from cellprune.runs.metrics import Epoch
from cellprune.structure.counts import Layer

CURVES = {"iou_image_mean": "all classes", "iou_cell_image_mean": "cells"}


def layer(name: str, kept: int, weights: int = 1000, channels: tuple[int, int] = (1, 1)) -> Layer:
    return Layer(name, "Conv2d", (weights,), weights, kept, kept, channels[1], channels[0], 10 * weights, 10 * kept)


def epoch(loss: float = 1.0, iou: float | None = None, sparsity: float | None = None) -> Epoch:
    return Epoch(0, 1, loss, {"iou_image_mean": iou}, 1e-3, sparsity, 1.0)


def words(svg: str) -> list[str]:
    """All texts of a figure; fails where it is no XML."""
    return [
        "".join(element.itertext()).strip() for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    ]


def test_layers_name_every_layer_and_the_dead_ones() -> None:
    svg = figures.layers([layer("a.weight", 5), layer("b$x$ <&>.weight", 0), layer("c", 1000)])
    told = words(svg)
    for name in ("a", "b$x$ <&>", "c", "× all pruned", "all layers 33.5 %"):
        assert name in told


def test_layers_of_which_channels_went_are_counted_in_channels() -> None:
    rows = [layer("a", 300, channels=(3, 64)), layer("b", 1000, channels=(64, 64))]
    told = words(figures.layers(rows, by_channel=True))
    for part in ("Channels kept in each layer", "3 of 64", "64 of 64", "all layers 52.3 %"):
        assert part in told
    assert "3 of 64" not in words(figures.layers(rows))


def test_sparsity_is_drawn_where_it_moved() -> None:
    assert figures.sparsity([epoch(sparsity=0.9)] * 3) is None
    assert figures.sparsity([epoch()] * 3) is None, "a run from before the column was there"
    told = words(figures.sparsity([epoch(sparsity=share) for share in (0.0, 0.5, 0.905)]) or "")
    assert "90.5 %" in told
    assert "Weights removed" in told


def test_a_dense_network_shows_its_work_alone() -> None:
    told = words(figures.layers([layer("a", 1000), layer("b", 1000)]))
    assert not any("kept" in text for text in told)
    assert "Share of all multiply-adds" in told


@pytest.mark.parametrize("kept", [[0, 0], [999, 500], [1, 1000]])
def test_layers_of_any_shares_are_drawn(kept: list[int]) -> None:
    assert "all layers" in "".join(words(figures.layers([layer(f"{k}", n) for k, n in enumerate(kept)])))


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [epoch(float("nan"), 0.5)],
        [epoch(1.0), epoch(0.5, 0.625)],
    ],
)
def test_curves_stand_gaps(rows: list[Epoch]) -> None:
    told = words(figures.curves(rows, CURVES, title="Held-out IoU"))
    assert "Training loss" in told
    assert ("0.625" in told) == (len(rows) == 2)


@pytest.mark.parametrize("values", [[], [0.5], [0.5, 0.5, 0.5], [0.1, 0.9]])
def test_spread_is_drawn_for_any_number_of_images(values: list[float]) -> None:
    assert ("small" in words(figures.spread({"small": values, "native": []}))) == bool(values)


def test_differences_of_nothing_do_not_look_like_some() -> None:
    with drawing.drawing(height=1, columns=1) as (_, (axes,)):
        drawing.dots(axes, 0, [0.9, 0.9003], colour="blue", mean_colour="red")
        drawing.widen(axes, 0.05)
        low, high = axes.get_xlim()
    assert high - low == pytest.approx(0.05)
    assert (low + high) / 2 == pytest.approx(0.90015)


def test_the_same_numbers_give_the_same_bytes() -> None:
    rows = [epoch(1.0, 0.5)]
    assert figures.curves(rows, CURVES, title="Held-out IoU") == figures.curves(rows, CURVES, title="Held-out IoU")
