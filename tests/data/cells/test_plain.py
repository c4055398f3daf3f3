"""Plain folders: every usual pairing is found and named, every mistake is one clear line, in check and in open."""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest
import torch
from command_line import typed

from cellprune.config.schema import Settings
from cellprune.data.cells.loaders import Loaders
from cellprune.data.cells.plain import pair
from cellprune.data.cells.split import SplitError, from_written, split, whole
from cellprune.data.cells.truth import target
from cellprune.data.check import check
from cellprune.data.open import open_dataset
from cellprune.errors import CellpruneError
from cellprune.evaluation.iou import IGNORED
from cellprune.tasks.segmentation import TASK

from ..conftest import GREY, write
from ..plain_folders import SIZE, filled, image, labels, save

WAYS = {
    "images and labels": ("images/c{}.tif", "labels/c{}.tif", "images/NAME with labels/NAME"),
    "images and masks": ("images/c{}.tif", "masks/c{}.png", "images/NAME with masks/NAME"),
    "other folder names": ("raw/c{}.png", "label/c{}.tiff", "raw/NAME with label/NAME"),
    "cellpose, in folders": ("images/c{}.tif", "masks/c{}_cp_masks.png", "images/NAME with masks/NAME_cp_masks"),
    "mask_ before": ("images/c{}.png", "masks/mask_c{}.png", "images/NAME with masks/mask_NAME"),
    "cellpose": ("c{}.png", "c{}_cp_masks.png", "NAME with NAME_cp_masks, in one folder"),
    "_masks": ("c{}.tif", "c{}_masks.tif", "NAME with NAME_masks, in one folder"),
    "mask_": ("c{}.tif", "mask_c{}.png", "NAME with mask_NAME, in one folder"),
    "folders in capitals": ("Images/c{}.tif", "Labels/c{}.tif", "Images/NAME with Labels/NAME"),
    "gt": ("images/c{}.tif", "GT/c{}_GT.png", "images/NAME with GT/NAME_GT"),
    "annotations": ("img/c{}.tif", "annotations/c{}.tif", "img/NAME with annotations/NAME"),
    "_seg": ("c{}.tif", "c{}_seg.tif", "NAME with NAME_seg, in one folder"),
    "-mask": ("c{}.tif", "c{}-mask.png", "NAME with NAME-mask, in one folder"),
    "OME-TIFF": ("images/c{}.ome.tif", "labels/c{}.tif", "images/NAME with labels/NAME"),
    "an accent in two spellings": ("images/ü{}.tif", "labels/u\u0308{}.tif", "images/NAME with labels/NAME"),
    "_label": ("label_free_{}.TIF", "label_free_{}_label.TIF", "NAME with NAME_label, in one folder"),
}


@pytest.mark.parametrize("name", WAYS)
def test_every_usual_pairing_is_found_and_named(tmp_path: Path, name: str) -> None:
    images, labels, how = WAYS[name]
    folder = filled(tmp_path / "cells", images, labels)
    report = check(str(folder))
    assert (report.errors, report.frames, report.gold) == ((), 4, 4)
    assert report.cells.gold == 8
    assert report.pairing == how
    assert report.notes[0] == f"paired {how}"
    dataset = open_dataset(str(folder))
    assert [(f.image.name, f.gold.name) for f in dataset.gold_frames] == [
        (Path(images.format(at)).name, Path(labels.format(at)).name) for at in range(4)
    ]
    assert dataset.gold_frames[0].id == Path(images.format(0)).name


def test_the_folder_of_images_stands_for_the_one_it_is_in(tmp_path: Path) -> None:
    filled(tmp_path / "cells", "images/c{}.tif", "labels/c{}.tif")
    assert len(open_dataset(str(tmp_path / "cells" / "images")).gold_frames) == 4


def test_names_are_in_the_order_people_count(tmp_path: Path) -> None:
    folder = filled(tmp_path, "images/t{}.tif", "labels/t{}.tif", n=12)
    assert [frame.name for frame in open_dataset(str(folder)).frames] == [f"t{at}.tif" for at in range(12)]


def test_images_without_labels_are_noted_and_left_aside(tmp_path: Path) -> None:
    folder = filled(tmp_path, "images/c{}.tif", "labels/c{}.tif")
    save(folder / "images" / "new.tif", image(9))
    report = check(str(folder))
    assert report.errors == ()
    assert "1 of 5 images have no labels and are not used (but with --teacher): new.tif" in report.notes
    assert len(split(open_dataset(str(folder)), how="random", policy="ignore").train) == 3


def remove(pattern: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        for path in folder.glob(pattern):
            path.unlink()

    return change


def add(name: str, pixels: np.ndarray) -> Callable[[Path], None]:
    return lambda folder: [save(folder / name, pixels), None][1]


def cut(name: str, n_bytes: int) -> Callable[[Path], None]:
    return lambda folder: [(folder / name).write_bytes((folder / name).read_bytes()[:n_bytes]), None][1]


FLOATS = labels().astype(np.float32)
COLOUR = np.stack([labels(), labels(), labels() // 2], axis=-1)
WRONG: dict[str, tuple[Callable[[Path], None], str]] = {
    "images but no labels": (remove("labels/*"), r"holds 4 images but no labels for any: put images into images/"),
    "no label that fits": (
        lambda folder: [p.rename(p.with_name(f"x{p.name}")) for p in folder.glob("labels/*")] and None,
        r"no labels for any; the name xc0\.tif fits none of them",
    ),
    "labels without images": (remove("images/*"), r"c0\.tif holds labels, but .* has no images"),
    "one label without an image": (remove("images/c1.tif"), r"labels/c1\.tif (is truth without an|has no) image"),
    "two labels": (add("labels/c1_masks.png", labels()), r"c1_masks\.png and c1\.tif are both labels of 'c1'"),
    "two images": (add("images/c1.png", image(1)), r"c1\.tif and c1\.png are images of the same name"),
    "labels and masks": (add("masks/c1.tif", labels()), "holds both labels and masks: keep the one"),
    "mixed channels": (add("images/c2.tif", image(2, 3)), r"c2\.tif.* save all with the same channels"),
    "a half-written image": (cut("images/c1.tif", 300), r"c1\.tif is not a whole TIFF or PNG"),
    "a half-written label": (cut("labels/c1.tif", 100), r"c1\.tif is not a whole TIFF or PNG"),
    "sizes differ": (add("labels/c1.tif", labels()[1:]), r"c1\.tif is \(39, 48\) pixels but its image c1\.tif is"),
    "float labels": (add("labels/c1.tif", FLOATS), "labels are whole numbers"),
    "colour labels": (add("labels/c1.tif", COLOUR), "is a colour image of 3 channels, but labels are numbers"),
    "a stack": (
        lambda folder: [write(folder / "images/c1.tif", np.stack([image(1)] * 3), photometric="minisblack"), None][1],
        r"c1\.tif is a stack of 3 images",
    ),
    "one annotated image": (remove("labels/c[123].tif"), r"has 1 annotated frame: annotate at least two"),
    "no cell": (
        lambda folder: [save(p, 0 * labels()) for p in folder.glob("labels/*")] and None,
        "has no cell in any of its 4",
    ),
    "an ignore image without an image": (add("ignore/x.tif", labels()), r"ignore/x\.tif (is truth|has no)"),
    "an ignore image of ones": (add("ignore/c1.png", labels()), r"c1\.png has the value 1: where a pixel is unknown"),
    "an ignore image of another size": (add("ignore/c1.png", labels()[1:]), r"ignore/c1\.png is \(39, 48\) pixels"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_one_clear_line(tmp_path: Path, name: str) -> None:
    folder = filled(tmp_path / "cells", "images/c{}.tif", "labels/c{}.tif")
    damage, message = WRONG[name]
    damage(folder)
    errors = check(str(folder)).errors
    assert any(re.search(message, error) for error in errors), errors
    assert not any("\n" in error for error in errors)
    with pytest.raises(CellpruneError, match=message):  # refused by train as well, before any work
        Loaders(split(open_dataset(str(folder)), how="random", policy="ignore"), card=GREY, batch_size=1, seed=0)


def test_labels_that_cannot_be_opened_are_not_missed_as_well(tmp_path: Path) -> None:
    folder = filled(tmp_path / "cells", "images/c{}.tif", "labels/c{}.tif")
    for n in (1, 2, 3):
        (folder / f"labels/c{n}.tif").unlink()
        (folder / f"labels/c{n}.tif").symlink_to("nowhere")
    report = check(str(folder))
    assert [f"c{n}.tif is a link to" in report.errors[n - 1] for n in (1, 2, 3)] == [True] * 3
    assert len(report.errors) == 3, report.errors
    assert not any("have no labels" in note for note in report.notes)


def test_labels_alone_and_no_images_folder(tmp_path: Path) -> None:
    for folder in (tmp_path / "a", tmp_path / "b"):
        save(folder / ("labels/c.tif" if folder.name == "a" else "c_masks.tif"), labels())
        assert "holds labels, but" in check(str(folder)).errors[0]


def test_a_folder_too_high_is_answered_with_the_one_that_is_meant(tmp_path: Path) -> None:
    save(tmp_path / "train" / "images" / "c.tif", image(0))
    with pytest.raises(CellpruneError, match=r"no TIFF or PNG images: did you mean .*train\?"):
        pair(tmp_path, "cells")


def test_what_is_no_part_of_the_layout_is_named_in_check_and_by_open(tmp_path: Path) -> None:
    folder = filled(tmp_path / "cells", "images/c{}.tif", "labels/c{}.tif")
    for name in ("overview.png", "images/old/a.tif", "test/deep/a.czi", "predicted/labels/a.tif", "notes/a.txt"):
        save(folder / name, image(7)) if name.endswith(("f", "g")) else (
            (folder / name).parent.mkdir(parents=True) or (folder / name).touch()
        )
    (folder / "predicted" / "prediction.json").touch()
    (folder / "images" / "g.jpg").touch()
    (folder / "images" / "._c0.tif").touch()
    (folder / "labels" / "scan001").write_bytes((folder / "labels" / "c0.tif").read_bytes())
    os.mkfifo(folder / "images" / "pipe")
    dataset, report = open_dataset(str(folder)), check(str(folder))
    assert report.errors == ()
    assert list(dataset.left_aside) == [note for note in report.notes if "not used" in note]
    said = "\n".join(dataset.left_aside)
    assert f"not used in {folder}: overview.png (their names or places are" in said
    assert f"not used in {folder}: test (folders inside are not searched" in said
    assert f"not used in {folder / 'images'}: g.jpg (only TIFF and PNG are read" in said
    assert f"not used in {folder / 'images'}: old (" in said
    assert f"not used in {folder / 'images'}: pipe is a pipe" in said
    assert f"not used in {folder / 'labels'}: scan001 (these begin like a TIFF or PNG" in said
    assert len(dataset.left_aside) == 6, "what was predicted, text and litter are not named"


def test_training_says_what_it_leaves_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = filled(tmp_path / "cells", "images/c{}.tif", "labels/c{}.tif")
    (folder / "images" / "g.jpg").touch()
    settings = Settings.model_validate({"data": {"dataset": f"{folder}/", "size": (32, 32)}})
    dataset = TASK.open(settings.data, None)
    for _ in range(2):  # a search begins many runs on one data set
        TASK.loaders(dataset, TASK.split(dataset, settings.data), settings, 0, torch.device("cpu"))
    assert [record.getMessage() for record in caplog.records] == [f"warning: {dataset.left_aside[0]}"]


@pytest.mark.parametrize("place", ["images", "labels"])
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_file_that_cannot_be_opened_is_named_and_not_opened(tmp_path: Path, place: str, kind: str) -> None:
    folder = filled(tmp_path / "cells", "images/c{}.tif", "labels/c{}.tif")
    path = folder / place / "c1.tif"
    path.unlink()
    if kind == "link":
        path.symlink_to("../.git/annex/objects/KEY")
    else:
        os.mkfifo(path)
    (error,) = check(str(folder)).errors
    assert error.startswith(f"{path} is a {kind}")
    with pytest.raises(CellpruneError, match=re.escape(error)):
        open_dataset(str(folder))


def test_an_odd_image_without_labels_stands_in_nobodys_way(tmp_path: Path) -> None:
    folder = filled(tmp_path, "images/c{}.tif", "labels/c{}.tif")
    write(folder / "images/stack.tif", np.stack([image(1)] * 3), photometric="minisblack")
    save(folder / "images/colour.tif", image(2, 3))
    assert len(open_dataset(str(folder)).gold_frames) == 4
    report = check(str(folder))
    assert report.errors == ()
    assert any("an image without labels: " in note and "stack.tif is a stack" in note for note in report.notes)


def test_six_errors_are_six(tmp_path: Path) -> None:
    folder = filled(tmp_path, "images/c{}.tif", "labels/c{}.tif", n=6)
    for path in (folder / "labels").iterdir():
        save(path, FLOATS)
    assert len(check(str(folder)).errors) == 6, "what cannot be read may well show cells"


def test_a_lone_label_names_the_nearest_image(tmp_path: Path) -> None:
    folder = filled(tmp_path, "images/cell{}.tif", "labels/cell{}.tif")
    (folder / "labels" / "cell3.tif").rename(folder / "labels" / "Cell3.tif")
    assert "Cell3.tif is truth without an image (is it cell3.tif?)" in check(str(folder)).errors[0]


def test_of_two_folders_of_labels_the_one_with_images_is_meant(tmp_path: Path) -> None:
    folder = filled(tmp_path, "images/c{}.tif", "labels/c{}.tif")
    (folder / "annotations").mkdir()
    (folder / "annotations" / "all.json").touch()
    assert len(open_dataset(str(folder)).gold_frames) == 4


@pytest.mark.skipif(os.name == "nt" or sys.platform == "darwin", reason="names are text there")
def test_names_that_are_no_text_are_split(tmp_path: Path) -> None:
    folder = filled(tmp_path / "cells", "images/c{}.tif", "labels/c{}.tif")
    for path in sorted(folder.glob("*/*")):
        os.rename(path, os.fsencode(path.parent) + b"/\xe9" + os.fsencode(path.name))
    made = split(open_dataset(str(folder)), how="random", policy="ignore")
    assert from_written(made.written(), open_dataset(str(folder))) == made


def test_a_name_is_the_same_in_any_spelling(tmp_path: Path) -> None:
    folder = filled(tmp_path / "cells", "images/ü{}.tif", "labels/ü{}.tif")
    written = split(open_dataset(str(folder)), how="random", policy="ignore").written()
    for path in sorted(folder.glob("*/*")):
        path.rename(path.with_name(normalize("NFD", path.name)))  # as a copy on another system has it
    again = open_dataset(str(folder))
    assert [frame.id for frame in from_written(written, again).train] == [
        entry.name for entry in written.parts["train"]
    ]
    assert split(again, how="random", policy="ignore").written() == written


def test_pixels_of_255_in_ignore_are_unknown_under_every_policy(tmp_path: Path) -> None:
    folder = filled(tmp_path, "images/c{}.tif", "labels/c{}.tif")
    unknown = np.zeros(SIZE, np.uint8)
    unknown[10:30, 10:30] = 255
    save(folder / "ignore" / "c1.png", unknown)
    frame = open_dataset(str(folder)).frames[1]
    for policy in ("paper", "ignore", "complete"):
        np.testing.assert_array_equal(target(frame, policy), np.where(unknown == 255, IGNORED, labels() > 0))
    made = split(open_dataset(str(folder)), how="random", policy="ignore")
    entries = [entry for part in made.written().parts.values() for entry in part]
    assert [entry.name for entry in entries if "ignore" in entry.sha256] == ["c1.png".replace("png", "tif")]
    save(folder / "ignore" / "c1.png", np.roll(unknown, 1))
    with pytest.raises(SplitError, match=r"ignore/c1\.png is not the file that was split"):
        from_written(made.written(), open_dataset(str(folder)))
    (folder / "ignore" / "c1.png").unlink()
    with pytest.raises(SplitError, match=r"the ignore file of c1\.tif, which was split, is gone"):
        from_written(made.written(), open_dataset(str(folder)))


def test_a_written_split_is_found_by_names_when_files_are_added(tmp_path: Path) -> None:
    folder = filled(tmp_path, "images/c{}.tif", "labels/c{}.tif")
    made = split(open_dataset(str(folder)), how="random", policy="ignore")
    save(folder / "images" / "a.tif", image(7))
    again = from_written(made.written(), open_dataset(str(folder)))
    assert [frame.id for frame in again.train] == [frame.id for frame in made.train]
    (folder / "images" / f"{made.train[0].name}").unlink()
    (folder / "labels" / f"{made.train[0].name}").unlink()
    with pytest.raises(SplitError, match=f"has no frame {made.train[0].name} of the split"):
        from_written(made.written(), open_dataset(str(folder)))


def test_splits_and_policies_of_a_plain_folder(tmp_path: Path) -> None:
    folder = filled(tmp_path, "images/c{}.tif", "labels/c{}.tif", n=10)
    dataset = open_dataset(str(folder))
    block = split(dataset, how="block", policy="paper")
    numbers = [frame.number for frame in block.report]
    assert numbers == list(range(numbers[0], numbers[0] + 3))
    assert len(split(dataset, how="random", policy="complete").train) == 7
    with pytest.raises(SplitError, match="is a plain folder, which has no sequences: take --split random or block"):
        split(dataset, how="sequence", policy="ignore")
    with pytest.raises(SplitError, match="has no silver truth to learn from"):
        split(dataset, how="random", policy="silver")
    assert len(whole(dataset, policy="ignore").report) == 10


THREE = ("background", "cell", "dividing")


def test_more_classes_are_the_labels_own_values(tmp_path: Path) -> None:
    folder = filled(tmp_path, "images/c{}.tif", "labels/c{}.tif")
    drawn = labels()
    drawn[30:, :] = 255
    save(folder / "labels" / "c0.tif", drawn)
    dataset = open_dataset(str(folder), classes=THREE)
    assert dataset.classes == THREE
    np.testing.assert_array_equal(target(dataset.frames[0], "ignore", classes=3), drawn)
    np.testing.assert_array_equal(target(dataset.frames[0], "ignore"), drawn > 0)  # two: 255 is a cell's number
    report = check(str(folder), classes=THREE)
    assert report.errors == ()
    assert report.notes[-1] == "annotated pixels: background 83.8%, cell 5.0%, dividing 5.0%, unknown 6.2%"


def test_a_class_beyond_the_given_ones_names_file_and_value(tmp_path: Path) -> None:
    folder = filled(tmp_path, "images/c{}.tif", "labels/c{}.tif")
    save(folder / "labels" / "c2.tif", labels() * 3)
    message = r"labels/c2\.tif has the value 3, but the 3 classes are 0 to 2 and 255"
    assert any(re.search(message, error) for error in check(str(folder), classes=THREE).errors)
    save(folder / "labels" / "c3.tif", labels() * 7)
    once = [error for error in check(str(folder), classes=THREE).errors if "classes" in error]
    assert len(once) == 1
    assert re.search(message + r".* \(and 1 more label images\)", once[0])
    dataset = open_dataset(str(folder), classes=THREE)
    card = GREY.model_copy(update={"classes": THREE})
    with pytest.raises(CellpruneError, match=message):
        Loaders(split(dataset, how="random", policy="ignore"), card=card, batch_size=1, seed=0)


def test_the_challenge_s_labels_know_no_classes(cells: Path) -> None:
    for use in (open_dataset, check):
        with pytest.raises(CellpruneError, match="labels number cells and know no 'dividing'"):
            use(str(cells), classes=THREE)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_the_pixel_size_is_known_where_all_files_say_the_same(tmp_path: Path, dtype: str) -> None:
    def tagged(name: str, um: float) -> None:
        write(
            tmp_path / name, image(0, dtype=dtype), resolution=(10_000 / um, 10_000 / um), resolutionunit="CENTIMETER"
        )

    for um, known in ((0.65, (0.65, 0.65)), (84.6667, None)):  # 300 dots per inch: a printer's
        for at in range(3):
            tagged(f"images/c{at}.tif", um)
            save(tmp_path / "labels" / f"c{at}.tif", labels())
        assert open_dataset(str(tmp_path)).pixel_size_um == known
    tagged("images/c1.tif", 0.65)
    assert open_dataset(str(tmp_path)).pixel_size_um is None


def test_grey_that_is_saved_in_colour_is_a_set_of_one_channel_and_said_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = filled(tmp_path / "in_colour", "images/c{}.tif", "labels/c{}.tif")
    for at, suffix in ((0, "tif"), (1, "png")):  # and the others are grey
        (folder / "images" / f"c{at}.tif").unlink()
        save(folder / "images" / f"c{at}.{suffix}", np.stack([image(at)] * 3, axis=-1))
    for _ in range(2):
        dataset = open_dataset(str(folder))
        assert (dataset.channels, dataset.saved_channels) == (1, 3)
    assert [record.getMessage() for record in caplog.records] == [
        "in_colour: 2 images are saved in colour, but all channels are equal: read as grey"
    ]
    report = check(str(folder))
    assert (report.errors, report.channels) == ((), (1,))
    assert any("all channels are equal: read as grey: c0.tif, c1.png" in note for note in report.notes)


def test_a_grey_image_among_colour_ones_is_of_colour(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = filled(tmp_path / "colour", "images/c{}.tif", "labels/c{}.tif", channels=3)
    save(folder / "images" / "c0.tif", np.stack([image(0)] * 3, axis=-1))
    assert open_dataset(str(folder)).channels == 3
    report = check(str(folder))
    assert (report.errors, report.channels) == ((), (3,))
    assert not caplog.records


def test_pages_that_are_tagged_as_colour_are_noted(tmp_path: Path) -> None:
    folder = filled(tmp_path, "images/c{}.tif", "labels/c{}.tif")
    for at, pages in ((0, 3), (1, 4)):
        with pytest.warns(DeprecationWarning, match="photometric"):  # tifffile's own guess
            write(folder / "images" / f"c{at}.tif", np.stack([image(at + page) for page in range(pages)]))
    report = check(str(folder))
    said = "tagged as colour, yet saved channel by channel: c0.tif, c1.tif; if these are images of a stack, save them"
    assert any(said in note for note in report.notes)
    assert any("c1.tif is transparent in places" in error and "stack" in error for error in report.errors)
    assert any("images of different channels" in error for error in report.errors)


def test_the_command_says_how_it_paired_and_what_has_no_partner(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = filled(tmp_path / "cells", "c{}.png", "c{}_masks.png")
    save(folder / "alone.png", image(5))
    assert typed("data", "check", folder) == 0
    out = capsys.readouterr().out
    assert "note: paired NAME with NAME_masks, in one folder" in out
    assert "note: 1 of 5 images have no labels and are not used (but with --teacher): alone.png" in out
    assert typed("data", "check", folder, "--classes", "background", "cell") == 0
    capsys.readouterr()
    save(folder / "lost_masks.png", labels())
    assert typed("data", "check", folder) == 1
    out = capsys.readouterr().out
    assert "lost_masks.png is truth without an image" in out


def test_pairing_needs_no_pixels(tmp_path: Path) -> None:
    for name in ("a.tif", "a_mask.tif", "mask_.tif"):
        (tmp_path / name).write_bytes(b"")
    found = pair(tmp_path, "cells")
    assert [(frame.name, frame.gold and frame.gold.name) for frame in found.frames] == [
        ("a.tif", "a_mask.tif"),
        ("mask_.tif", None),
    ]
