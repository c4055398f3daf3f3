"""The check: what is partial is noted, what is wrong is an error, each by file or frame."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from cellprune.config.load import load
from cellprune.data.cells.ctc import LayoutError
from cellprune.data.check import check, inspect
from cellprune.data.inspection import CellCount, Inspection
from cellprune.data.open import open_dataset
from cellprune.data.sets.cards import card
from cellprune.errors import CellpruneError
from cellprune.experiment.opening import open_data
from cellprune.images.read import ImageError
from cellprune.runs.documents import plain
from cellprune.wording import many

from .conftest import write

THREE = [(4, 4), (4, 24), (30, 24)]


def found(folder: Path) -> Inspection:
    checked = check(str(folder))
    assert isinstance(checked, Inspection)
    return checked


def test_a_sound_set_is_counted(drawn: Callable[..., Path]) -> None:
    report = found(drawn({f"01/{at:03d}": {"gold": THREE, "silver": THREE, "markers": THREE} for at in range(3)}))
    assert report.errors == ()
    assert report.notes == ("01: mean Jaccard of silver with gold 1.00 to 1.00, by frame",)
    assert (report.frames, report.gold, report.silver, report.markers) == (3, 3, 3, 3)
    assert report.cells == CellCount(9, 9)
    assert (report.missing, report.components, report.sizes) == (0, 0, ((48, 64),))
    assert report.dtypes == {"image": ("uint8",), "gold": ("uint16",), "silver": ("uint16",), "markers": ("uint16",)}
    assert json.loads(json.dumps(plain(report)))["cells"] == {"gold": 9, "tracked": 9}


def test_what_is_partial_is_a_note(drawn: Callable[..., Path]) -> None:
    folder = drawn(
        {
            "01/000": {"gold": THREE[:1], "silver": THREE[:2], "markers": THREE},
            "01/001": {"gold": [], "markers": THREE},
            "01/002": {"gold": THREE, "markers": THREE},
        }
    )
    pieces = np.zeros((48, 64), np.uint16)
    pieces[2:5, 2:5] = pieces[20:30, 20:30] = 9
    write(folder / "01_GT" / "SEG" / "man_seg002.tif", pieces)
    write(folder / "01" / "t003.tif", np.arange(48 * 32, dtype=np.uint16).reshape(48, 32))
    report = found(folder)
    assert report.errors == ()
    assert list(report.notes) == [
        "01: cells without a gold mask: 8, in frames 0 (2 of 3), 1 (3 of 3), 2 (3 of 3)",
        "01: gold masks in several pieces in frames 2",
        "01: no cell in the gold truth of frames 1",
        "01: silver truth lacks 1 of 9 tracked cells",
        "01: mean Jaccard of silver with gold 1.00 to 1.00, by frame",
        "01: frames of 2 sizes, each resized to the network's to learn from: 48 x 32, 48 x 64",
    ]
    assert report.dtypes["image"] == ("uint16", "uint8")
    assert report.components == 1


def test_a_pixel_size_other_than_the_card_s_is_noted(cells: Path) -> None:
    report = inspect(cells, name="cells", card=card("DIC-C2DH-HeLa"))
    assert "01: the TIFF tag says pixels of (0.65, 0.65) um, the card (0.19, 0.19)" in report.notes
    assert not any("TIFF tag" in note for note in inspect(cells, name="cells", card=card("simulated")).notes)


def other_size(folder: Path) -> None:
    write(folder / "01_GT" / "SEG" / "man_seg000.tif", np.ones((9, 9), np.uint16))


def empty_file(folder: Path) -> None:
    (folder / "01" / "t000.tif").write_bytes(b"")


def torn_file(folder: Path) -> None:
    path = folder / "01_GT" / "TRA" / "man_track000.tif"
    path.write_bytes(path.read_bytes()[:60])


def float_labels(folder: Path) -> None:
    write(folder / "01_GT" / "SEG" / "man_seg000.tif", np.ones((64, 72), np.float32))


def colour_labels(folder: Path) -> None:
    write(
        folder / "01_ST" / "SEG" / "man_seg000.tif",
        np.eye(64, 216, dtype=np.uint8).reshape(64, 72, 3),
        photometric="rgb",
    )


def stack(folder: Path) -> None:
    write(folder / "01" / "t000.tif", np.ones((5, 64, 72), np.uint8), photometric="minisblack")


def not_a_number(folder: Path) -> None:
    write(folder / "01" / "t000.tif", np.full((64, 72), np.nan, np.float32))


def constant(folder: Path) -> None:
    write(folder / "01" / "t000.tif", np.full((64, 72), 9, np.uint8))


def no_image(folder: Path) -> None:
    (folder / "01" / "t000.tif").unlink()


def no_track_file(folder: Path) -> None:
    (folder / "01_GT" / "TRA" / "man_track.txt").unlink()


def lost_markers(folder: Path) -> None:
    (folder / "01_GT" / "TRA" / "man_track001.tif").unlink()


def edited_tracks(change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        path = folder / "01_GT" / "TRA" / "man_track.txt"
        path.write_text("\n".join(change(path.read_text().splitlines())))

    return edit


WRONG: dict[str, tuple[Callable[[Path], None], str]] = {
    "sizes differ": (other_size, "man_seg000.tif is (9, 9) pixels but its image t000.tif is (64, 72)"),
    "an empty file": (empty_file, "t000.tif is empty"),
    "a torn file": (torn_file, "man_track000.tif is not a whole TIFF"),
    "float labels": (float_labels, "man_seg000.tif holds float32 values"),
    "colour labels": (colour_labels, "man_seg000.tif is a colour image"),
    "a stack": (stack, "t000.tif is a stack of 5 images"),
    "NaN": (not_a_number, "t000.tif has NaN"),
    "constant": (constant, "t000.tif is constant"),
    "no image": (no_image, "is truth without an image"),
    "lost markers": (lost_markers, "man_track.txt lists track 1 in frame 1, which has no image"),
    "no track file": (no_track_file, "man_track.txt is missing"),
    "a bad line": (edited_tracks(lambda lines: [*lines, "1 2"]), "is not 'label begin end parent'"),
    "an unlisted track": (edited_tracks(lambda lines: lines[1:]), "does not list track 1, which frame 0 shows"),
    "a track too short": (edited_tracks(lambda lines: ["1 0 0 0", *lines[1:]]), "for 0 to 0, but frame 1 shows it"),
    "a track not shown": (
        edited_tracks(lambda lines: [*lines, "99 2 3 0"]),
        "lists track 99 in frame 2, which does not",
    ),
    "no parent": (edited_tracks(lambda lines: ["1 0 7 88", *lines[1:]]), "names 88 as parent of track 1"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_an_error(own_cells: Path, name: str) -> None:
    damage, message = WRONG[name]
    damage(own_cells)
    errors = found(own_cells).errors
    assert any(message in error for error in errors), errors
    assert not any("\n" in error for error in errors)


def test_every_error_is_listed_not_only_the_first(own_cells: Path) -> None:
    constant(own_cells)
    no_track_file(own_cells)
    assert len(found(own_cells).errors) == 2


@pytest.mark.parametrize("n_gold", [0, 1])
def test_too_few_annotated_frames(drawn: Callable[..., Path], n_gold: int) -> None:
    folder = drawn({f"01/{at:03d}": {"gold": THREE} if at < n_gold else {} for at in range(3)})
    assert found(folder).errors == (
        f"drawn has {many(n_gold, 'annotated frame')}: annotate at least two, one to hold out",
    )


def test_truth_that_is_all_background(drawn: Callable[..., Path]) -> None:
    folder = drawn({f"01/{at:03d}": {"gold": []} for at in range(3)})
    assert found(folder).errors == ("drawn has no cell in any of its 3 annotated frames: annotate some cells",)


def test_a_foreign_folder_and_none(tmp_path: Path) -> None:
    assert "holds no sequence" in found(tmp_path).errors[0]
    with pytest.raises(LayoutError, match="is not a folder"):
        found(tmp_path / "none")


def test_a_3d_set_is_named(own_cells: Path) -> None:
    write(own_cells / "01_GT" / "SEG" / "man_seg_000_01.tif", np.ones((64, 72), np.uint16))
    assert "is a 3-D set" in found(own_cells).errors[0]


def test_a_named_set_is_checked_by_its_card(data_root: Path) -> None:
    report = check("simulated", data_root)
    assert (report.dataset, report.frames, report.errors) == ("simulated", 24, ())


def test_images_and_cells_are_described(drawn: Callable[..., Path]) -> None:
    folder = drawn({f"01/{at:03d}": {"gold": THREE} for at in range(3)})
    for at in range(3):
        pixels = np.random.default_rng(at).integers(33000, 33300, (48, 64)).astype(np.uint16)
        pixels[0, :2] = 33000, 33299
        write(folder / "01" / f"t{at:03d}.tif", pixels, resolution=(20000, 40000), resolutionunit="CENTIMETER")
    report = found(folder)
    assert (report.grey_levels, report.channels, report.pixel_size_um) == ((33000, 33299), (1,), ((0.25, 0.5),))
    native = 2 * (64 / np.pi) ** 0.5  # squares of 8 px a side
    assert report.cell_diameter_px.native == pytest.approx(native)
    assert report.cell_diameter_px.network == pytest.approx(native * (224 / 48 * 288 / 64) ** 0.5)
    assert list(report.facts) == [
        "images: 1 channel, uint16, grey levels 33000 to 33299 (9 bits), pixels of 0.25 x 0.5 um",
        "cells: median diameter 9.0 px (3.19 um), 41.4 px in a network of 224 x 288 px",
        "3 annotated frames: try --crop 64 --data.size 64 80, to learn from crops at a scale at which the "
        "median cell has 10 px or more",
    ]
    assert report.warnings == ()


def test_cells_that_are_too_small_in_the_network_are_warned_of_with_the_size_that_would_do(tmp_path: Path) -> None:
    for at in range(2):
        image = np.random.default_rng(at).integers(0, 255, (900, 1200, 3)).astype(np.uint8)
        write(tmp_path / "images" / f"c{at}.tif", image, photometric="rgb")
        labels = np.zeros((900, 1200), np.uint16)
        labels[10:28, 10:28] = 1
        write(tmp_path / "labels" / f"c{at}.tif", labels)
    report = found(tmp_path)
    assert report.facts[0] == "images: 3 channels, uint8, grey levels 0 to 254 (8 bits), pixels of unknown size"
    (warning,) = report.warnings
    assert warning == (
        "cells of 5.0 px in the network can hardly be told apart: train with --data.size 448 592, which gives them "
        "10 px or more"
    )
    assert report.cell_diameter_px.native * min(448 / 900, 592 / 1200) >= 10


def own_images(folder: Path, sides: list[int], labels: Callable[[int], np.ndarray], **tags: Any) -> Path:
    for at, side in enumerate(sides):
        image = np.random.default_rng(at).integers(0, 255, (side, side)).astype(np.uint8)
        write(folder / "images" / f"c{at}.tif", image, **(tags if at % 2 else {}))
        write(folder / "labels" / f"c{at}.tif", labels(side))
    return folder


def one_cell(side: int) -> np.ndarray:
    labels = np.zeros((side, side), np.uint16)
    labels[10:40, 10:40] = 1
    return labels


def test_cells_are_measured_in_the_network_by_their_own_image_s_size(tmp_path: Path) -> None:
    report = found(own_images(tmp_path, [256] + [1536] * 2, one_cell))
    native = 2 * (900 / np.pi) ** 0.5
    assert report.cell_diameter_px.native == pytest.approx(native)
    assert report.cell_diameter_px.network == pytest.approx(native * 256 / 1536)
    assert "cells of 5.6 px in the network can hardly be told apart" in report.warnings[0]


def test_label_images_that_only_draw_cells_are_counted_by_pieces(tmp_path: Path) -> None:
    def drawn(side: int) -> np.ndarray:
        labels = np.zeros((side, side), np.uint16)
        labels[5:15, 5:15] = labels[30:40, 30:40] = 255
        return labels

    report = found(own_images(tmp_path, [64] * 3, drawn))
    assert "the label images have one value, so connected pieces count as cells: 6" in " ".join(report.notes)
    assert not any("several pieces" in note for note in report.notes)
    assert report.cells.gold == 6
    assert report.cell_diameter_px.native == pytest.approx(2 * (100 / np.pi) ** 0.5)


def test_a_pixel_size_that_only_some_images_state_counts_as_unknown(tmp_path: Path) -> None:
    tags = {"resolution": (20000, 20000), "resolutionunit": "CENTIMETER"}
    report = found(own_images(tmp_path, [64] * 4, one_cell, **tags))
    assert (
        "pixels of 0.5 x 0.5 um (2 of 4 images state none, so the pixel size of the set counts as unknown)"
        in (report.facts[0])
    )
    assert " um)" not in report.facts[1]


def test_an_image_one_pixel_wide_is_named_before_anything_is_learned(tmp_path: Path) -> None:
    folder = own_images(tmp_path, [64] * 4, one_cell)
    write(folder / "images" / "c2.tif", np.arange(64, dtype=np.uint16)[:, None])
    write(folder / "labels" / "c2.tif", np.ones((64, 1), np.uint16))
    said = "c2.tif is 64 x 1 px, and a network takes 2 px at least on each side: leave it out"
    assert any(error.endswith(said) for error in found(folder).errors)
    with pytest.raises(ImageError, match=said):
        open_dataset(str(folder))


def test_an_annotated_image_that_is_there_twice_is_warned_of(tmp_path: Path) -> None:
    folder = own_images(tmp_path, [64] * 4, one_cell)
    for at in (2, 3):  # packed in another way, the same pixels
        write(folder / "images" / f"c{at}.tif", tifffile.imread(folder / "images" / "c0.tif"), rowsperstrip=1)
    write(folder / "labels" / "c3.tif", 2 * one_cell(64))
    said = "one may be learned from while the other is held out, so remove one of them"
    assert found(folder).warnings == (
        f"c0.tif and c2.tif are the same image with the same labels: {said}",
        f"c0.tif and c3.tif are the same image with different labels: {said}",
    )


def test_label_images_of_which_some_draw_and_some_number_their_cells_are_refused(tmp_path: Path) -> None:
    labels = np.zeros((64, 64), np.uint16)
    labels[5:15, 5:15], labels[30:40, 30:40] = 255, 255
    folder = own_images(tmp_path, [64] * 4, one_cell)
    write(folder / "labels" / "c1.tif", labels)
    assert not found(folder).errors, "one number in each of the others may be a black and white image, too"
    labels[5:15, 5:15] = 1
    write(folder / "labels" / "c2.tif", labels)
    (error,) = found(folder).errors
    assert "c1.tif has one value for several pieces, as a black and white image has, and " in error
    with pytest.raises(CellpruneError, match=r"c2\.tif numbers its cells: number the cells in all"):
        open_data(load(assignments=[f"data.dataset={folder}"]), None)
