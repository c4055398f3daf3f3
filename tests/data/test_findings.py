"""What a check tells: each note where there is something to tell, and nothing where all is well."""

from pathlib import Path

import pytest

from cellprune.data.findings import Disc, Findings, class_notes, notes, report, shortened
from cellprune.data.inspection import InPieces, Lacking
from cellprune.data.proposal import SMALLEST_CELL_PX
from cellprune.data.sets.cards import card

NETWORK = 256.0  # the side of the usual network


def found(name: str = "01", **facts: object) -> Findings:
    made = Findings(name)
    for key, value in facts.items():
        setattr(made, key, value)
    return made


def cells(n: int = 3, diameter: float = 20.0, side: float = 512.0) -> list[Disc]:
    return [Disc(diameter, diameter / side)] * n


@pytest.mark.parametrize(
    ("facts", "note"),
    [
        ({"missing": [Lacking(3, 2, 9), Lacking(5, 1, 8)]},
         "cells without a gold mask: 3, in frames 3 (2 of 9), 5 (1 of 8)"),
        ({"components": [InPieces(3, (1,)), InPieces(4, (2, 3))], "values": {1, 2}},
         "gold masks in several pieces in frames 3, 4"),
        ({"components": [InPieces(3, (1,))], "values": {1}, "cells": cells(1), "pieces": cells(4)},
         "the label images have one value, so connected pieces count as cells: 4"),
        ({"empty": [1, "a.tif"]}, "no cell in the gold truth of frames 1, a.tif"),
        ({"unknown": [7]}, "every pixel is ignored in 7: nothing is learned or scored there"),
        ({"n_lacking_in_silver": 2, "n_tracked_cells": 9}, "silver truth lacks 2 of 9 tracked cells"),
        ({"jaccard": [0.914, 0.8]}, "mean Jaccard of silver with gold 0.80 to 0.91, by frame"),
        ({"sizes": {(8, 9), (7, 9)}}, "frames of 2 sizes, each resized to the network's to learn from: 7 x 9, 8 x 9"),
        ({"grey": [Path("d/a.png")], "channels": {}},
         "saved in colour, but all channels are equal: read as grey: a.png"),
        ({"grey": [Path("d/a.png")], "channels": {1: Path("b.png")}},
         "saved in colour, but all channels are equal: read as grey: a.png"),
        ({"pixel_sizes_um": {(0.7, 0.65)}}, "the TIFF tag says pixels of (0.7, 0.65) um, the card (0.65, 0.65)"),
    ],
)  # fmt: skip
def test_what_is_partial_or_untidy_is_one_note(facts: dict, note: str) -> None:
    simulated = card("simulated").model_copy(update={"pixel_size_um": (0.65, 0.65)})
    assert notes(found(**facts), simulated) == [f"01: {note}"]


@pytest.mark.parametrize(
    "facts",
    [{}, {"sizes": {(8, 9)}}, {"grey": [Path("a.png")], "channels": {3: Path("b.png")}},
     {"pixel_sizes_um": {(0.653, 0.65)}}],
)  # fmt: skip
def test_where_all_is_well_nothing_is_said(facts: dict) -> None:
    simulated = card("simulated").model_copy(update={"pixel_size_um": (0.65, 0.65)})
    assert notes(found(**facts), simulated) == []
    assert notes(found(pixel_sizes_um={(9.0, 9.0)}), None) == [], "without a card nothing contradicts it"


def test_of_many_names_eight_are_shown() -> None:
    names = [str(number) for number in range(9)]
    assert shortened(names[:8]) == "0, 1, 2, 3, 4, 5, 6, 7"
    assert shortened(names) == "0, 1, 2, 3, 4, 5, 6, 7 ..."


def test_the_area_of_each_class_is_told_with_what_is_unknown() -> None:
    made = found()
    assert class_notes(made, ("background", "cell")) == []
    made.n_pixels.update({0: 70, 1: 20, 255: 10})
    assert class_notes(made, ("background", "cell")) == [
        "annotated pixels: background 70.0%, cell 20.0%, unknown 10.0%"
    ]


def test_totals_are_the_sums_over_sequences_and_each_value_comes_once() -> None:
    first = found(missing=[Lacking(0, 2, 5)], components=[InPieces(0, (1, 4))], sizes={(8, 9)}, cells=cells(2),
                  n_tracked_cells=5, grey_levels={3, 200}, channels={1: Path("a")}, dtypes={"image": {"uint8"}},
                  pixel_sizes_um={(0.5, 0.5)})  # fmt: skip
    second = found("02", missing=[Lacking(1, 1, 4)], sizes={(8, 9), (4, 4)}, cells=cells(1), n_tracked_cells=4,
                   grey_levels={10, 255}, channels={1: Path("b")}, dtypes={"image": {"uint8", "uint16"}},
                   pixel_sizes_um={(0.5, 0.5)})  # fmt: skip
    for sequence, n in ((first, 3), (second, 2)):
        sequence.n_frames.update({"image": n, "gold": n})
    told = report("mine", [first, second], ["an error"], ["a note"], "by name")
    assert (told.dataset, told.frames, told.gold, told.silver, told.pairing) == ("mine", 5, 5, 0, "by name")
    assert (told.cells.gold, told.cells.tracked, told.missing, told.components) == (3, 9, 3, 2)
    assert told.sizes == ((8, 9), (4, 4))
    assert told.dtypes["image"] == ("uint8", "uint16")
    assert (told.channels, told.pixel_size_um, told.grey_levels) == ((1,), ((0.5, 0.5),), (3, 255))
    assert (told.errors, told.notes) == (("an error",), ("a note",))
    assert told.facts == (
        "images: 1 channel, uint8 and uint16, grey levels 3 to 255 (8 bits), pixels of 0.5 x 0.5 um",
        "cells: median diameter 20.0 px (10 um), 10.0 px in a network of 256 x 256 px",
    )
    assert told.warnings == (), "10 px are just enough"


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"n_without_pixel_size": 1}, "(1 of 4 images state none, so the pixel size of the set counts as unknown)"),
        ({"pixel_sizes_um": {(0.5, 0.5), (1.0, 1.0)}}, "(they differ, so the pixel size of the set counts as unknown)"),
        ({"pixel_sizes_um": set(), "n_without_pixel_size": 4}, "pixels of unknown size"),
    ],
)
def test_a_pixel_size_that_not_all_images_state_is_unknown(facts: dict, said: str) -> None:
    made = found(**({"grey_levels": {0.0, 1.0}, "pixel_sizes_um": {(0.5, 0.5)}, "cells": cells()} | facts))
    made.n_frames["image"] = 4
    images, of_cells = report("mine", [made], [], []).facts
    assert said in images
    assert "grey levels 0 to 1, pixels" in images, "no bits of what is no whole number"
    assert "um" not in of_cells


def test_cells_too_small_in_the_network_are_warned_of_with_the_size_that_would_do() -> None:
    small = found(cells=cells(3, diameter=10.0), gold_sizes=[(512, 512)] * 2 + [(600, 700)])
    (warning,) = report("mine", [small], [], []).warnings
    assert warning == (
        "cells of 5.0 px in the network can hardly be told apart: train with --data.size 512 512, which gives them "
        "10 px or more"
    )
    odd = found(cells=cells(3, diameter=9.9), gold_sizes=[(512, 300)])
    (warning,) = report("mine", [odd], [], []).warnings
    height, width = (int(word.strip(",")) for word in warning.split("--data.size ")[1].split()[:2])
    assert height % 16 == width % 16 == 0
    assert 9.9 / 512 * (height * width) ** 0.5 >= SMALLEST_CELL_PX


def test_of_label_images_of_one_value_the_pieces_are_the_cells() -> None:
    drawn = found(values={255}, cells=cells(1, diameter=100.0), pieces=cells(6))
    told = report("mine", [drawn], [], [])
    assert told.cells.gold == 6
    assert told.cell_diameter_px.native == 20
    assert told.cell_diameter_px.network == pytest.approx(20 / 512 * NETWORK)
    numbered = found(values={255}, cells=cells(1, diameter=100.0), pieces=cells(1))
    assert report("mine", [numbered], [], []).cell_diameter_px.native == 100, "one cell is one piece"
    assert report("mine", [found()], [], []).cell_diameter_px is None
