"""Plain folders: every usual pairing is found and named, every mistake is one clear line, in check and in open."""

import re
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from command_line import typed

from cellprune.data.check import check
from cellprune.data.images import IGNORED
from cellprune.data.loaders import Loaders
from cellprune.data.open import open_dataset
from cellprune.data.plain import pair
from cellprune.data.split import SplitError, from_dict, split, whole
from cellprune.data.truth import target
from cellprune.errors import CellpruneError

from .conftest import GREY, write

SIZE = (40, 48)


def image(seed: int, channels: int = 1, dtype: str = "uint8") -> np.ndarray:
    """Noise with a bright square; (H, W), or (H, W, C) for several channels."""
    pixels = np.random.default_rng(seed).integers(0, 100, (*SIZE, channels)).astype(dtype)
    pixels[8:20, 8:24] += 100
    return pixels[..., 0] if channels == 1 else pixels


def labels(dtype: str = "uint8") -> np.ndarray:
    drawn = np.zeros(SIZE, dtype)
    drawn[8:20, 8:16], drawn[8:20, 16:24] = 1, 2
    return drawn


def save(path: Path, pixels: np.ndarray) -> Path:
    if path.suffix == ".png":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(imagecodecs.png_encode(pixels))
        return path
    return write(path, pixels, **({"photometric": "rgb"} if pixels.ndim == 3 else {}))


def filled(folder: Path, image_name: str, label_name: str, n: int = 4, channels: int = 1) -> Path:
    for at in range(n):
        save(folder / image_name.format(at), image(at, channels))
        save(folder / label_name.format(at), labels())
    return folder


WAYS = {
    "images and labels": ("images/c{}.tif", "labels/c{}.tif", "images/NAME with labels/NAME"),
    "images and masks": ("images/c{}.tif", "masks/c{}.png", "images/NAME with masks/NAME"),
    "other folder names": ("raw/c{}.png", "label/c{}.tiff", "raw/NAME with label/NAME"),
    "cellpose, in folders": ("images/c{}.tif", "masks/c{}_cp_masks.png", "images/NAME with masks/NAME_cp_masks"),
    "mask_ before": ("images/c{}.png", "masks/mask_c{}.png", "images/NAME with masks/mask_NAME"),
    "cellpose": ("c{}.png", "c{}_cp_masks.png", "NAME with NAME_cp_masks, in one folder"),
    "_masks": ("c{}.tif", "c{}_masks.tif", "NAME with NAME_masks, in one folder"),
    "mask_": ("c{}.tif", "mask_c{}.png", "NAME with mask_NAME, in one folder"),
    "_label": ("label_free_{}.TIF", "label_free_{}_label.TIF", "NAME with NAME_label, in one folder"),
}


@pytest.mark.parametrize("name", WAYS)
def test_every_usual_pairing_is_found_and_named(tmp_path: Path, name: str) -> None:
    images, labels, how = WAYS[name]
    folder = filled(tmp_path / "cells", images, labels)
    report = check(str(folder))
    assert (report["errors"], report["frames"], report["gold"]) == ([], 4, 4)
    assert report["cells"]["gold"] == 8
    assert report["pairing"] == how
    assert report["notes"][0] == f"paired {how}"
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
    assert report["errors"] == []
    assert "1 of 5 images have no labels and are left aside: new.tif" in report["notes"]
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
    "images but no labels": (remove("labels/*"), r"holds 4 image\(s\) but no labels for any: put images into images/"),
    "no label that fits": (
        lambda folder: [p.rename(p.with_name(f"x{p.name}")) for p in folder.glob("labels/*")] and None,
        r"no labels for any; xc0\.tif fits none by its name",
    ),
    "labels without images": (remove("images/*"), r"c0\.tif holds labels, but .* has no images"),
    "one label without an image": (remove("images/c1.tif"), r"labels/c1\.tif (is truth without an|has no) image"),
    "two labels": (add("labels/c1_masks.png", labels()), r"c1_masks\.png and c1\.tif are both labels of 'c1'"),
    "two images": (add("images/c1.png", image(1)), r"c1\.tif and c1\.png are the same by name"),
    "labels and masks": (add("masks/c1.tif", labels()), "holds both labels and masks: keep the one"),
    "mixed channels": (add("images/c2.tif", image(2, 3)), r"c2\.tif.* save all alike"),
    "a half-written image": (cut("images/c1.tif", 300), r"c1\.tif is not a whole TIFF or PNG"),
    "a half-written label": (cut("labels/c1.tif", 100), r"c1\.tif is not a whole TIFF or PNG"),
    "sizes differ": (add("labels/c1.tif", labels()[1:]), r"c1\.tif is \(39, 48\) pixels but its image c1\.tif is"),
    "float labels": (add("labels/c1.tif", FLOATS), "labels are whole numbers"),
    "colour labels": (add("labels/c1.tif", COLOUR), "is a colour image of 3 channels, but labels are numbers"),
    "a stack": (
        lambda folder: [write(folder / "images/c1.tif", np.stack([image(1)] * 3), photometric="minisblack"), None][1],
        r"c1\.tif is a stack of 3 images",
    ),
    "one annotated image": (remove("labels/c[123].tif"), r"has 1 annotated frame\(s\): annotate at least two"),
    "no cell": (
        lambda folder: [save(p, 0 * labels()) for p in folder.glob("labels/*")] and None,
        "shows no cell in the truth of all 4",
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
    errors = check(str(folder))["errors"]
    assert any(re.search(message, error) for error in errors), errors
    assert not any("\n" in error for error in errors)
    with pytest.raises(CellpruneError, match=message):  # refused by train as well, before any work
        Loaders(split(open_dataset(str(folder)), how="random", policy="ignore"), card=GREY, batch_size=1, seed=0)


def test_labels_alone_and_no_images_folder(tmp_path: Path) -> None:
    for folder in (tmp_path / "a", tmp_path / "b"):
        save(folder / ("labels/c.tif" if folder.name == "a" else "c_masks.tif"), labels())
        assert "holds labels, but" in check(str(folder))["errors"][0]


def test_a_folder_too_high_is_answered_with_the_one_that_is_meant(tmp_path: Path) -> None:
    save(tmp_path / "train" / "images" / "c.tif", image(0))
    with pytest.raises(CellpruneError, match=r"no TIFF or PNG images: did you mean .*train\?"):
        pair(tmp_path, "cells")


def test_other_kinds_of_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    (tmp_path / "a.czi").write_bytes(b"x")
    assert (
        r"no TIFF or PNG images (but files of .czi, .jpg): put images into images/"
        in check(f"{tmp_path}/")["errors"][0]
    )


def test_pixels_of_255_in_ignore_are_unknown_under_every_policy(tmp_path: Path) -> None:
    folder = filled(tmp_path, "images/c{}.tif", "labels/c{}.tif")
    unknown = np.zeros(SIZE, np.uint8)
    unknown[10:30, 10:30] = 255
    save(folder / "ignore" / "c1.png", unknown)
    frame = open_dataset(str(folder)).frames[1]
    for policy in ("paper", "ignore", "complete"):
        np.testing.assert_array_equal(target(frame, policy), np.where(unknown == 255, IGNORED, labels() > 0))
    made = split(open_dataset(str(folder)), how="random", policy="ignore")
    entries = [entry for part in made.as_dict()["parts"].values() for entry in part]
    assert [entry["name"] for entry in entries if "ignore" in entry["sha256"]] == ["c1.png".replace("png", "tif")]
    save(folder / "ignore" / "c1.png", np.roll(unknown, 1))
    with pytest.raises(SplitError, match=r"ignore/c1\.png is not the file that was split"):
        from_dict(made.as_dict(), open_dataset(str(folder)))
    (folder / "ignore" / "c1.png").unlink()
    with pytest.raises(SplitError, match=r"the ignore file of c1\.tif, which was split, is gone"):
        from_dict(made.as_dict(), open_dataset(str(folder)))


def test_a_written_split_is_found_by_names_when_files_are_added(tmp_path: Path) -> None:
    folder = filled(tmp_path, "images/c{}.tif", "labels/c{}.tif")
    made = split(open_dataset(str(folder)), how="random", policy="ignore")
    save(folder / "images" / "a.tif", image(7))
    again = from_dict(made.as_dict(), open_dataset(str(folder)))
    assert [frame.id for frame in again.train] == [frame.id for frame in made.train]
    (folder / "images" / f"{made.train[0].name}").unlink()
    (folder / "labels" / f"{made.train[0].name}").unlink()
    with pytest.raises(SplitError, match=f"has no frame {made.train[0].name} of the split"):
        from_dict(made.as_dict(), open_dataset(str(folder)))


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
    assert report["errors"] == []
    assert report["notes"][-1] == "annotated pixels: background 83.8%, cell 5.0%, dividing 5.0%, unknown 6.2%"


def test_a_class_beyond_the_given_ones_names_file_and_value(tmp_path: Path) -> None:
    folder = filled(tmp_path, "images/c{}.tif", "labels/c{}.tif")
    save(folder / "labels" / "c2.tif", labels() * 3)
    message = r"labels/c2\.tif has the value 3, but the 3 classes are 0 to 2 and 255"
    assert any(re.search(message, error) for error in check(str(folder), classes=THREE)["errors"])
    save(folder / "labels" / "c3.tif", labels() * 7)
    once = [error for error in check(str(folder), classes=THREE)["errors"] if "classes" in error]
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
    assert (report["errors"], report["channels"]) == ([], [1])
    assert any("all channels are equal: read as grey: c0.tif, c1.png" in note for note in report["notes"])


def test_a_grey_image_among_colour_ones_is_of_colour(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = filled(tmp_path / "colour", "images/c{}.tif", "labels/c{}.tif", channels=3)
    save(folder / "images" / "c0.tif", np.stack([image(0)] * 3, axis=-1))
    assert open_dataset(str(folder)).channels == 3
    report = check(str(folder))
    assert (report["errors"], report["channels"]) == ([], [3])
    assert not caplog.records


def test_pages_that_are_tagged_as_colour_are_noted(tmp_path: Path) -> None:
    folder = filled(tmp_path, "images/c{}.tif", "labels/c{}.tif")
    for at, pages in ((0, 3), (1, 4)):
        with pytest.warns(DeprecationWarning, match="photometric"):  # tifffile's own guess
            write(folder / "images" / f"c{at}.tif", np.stack([image(at + page) for page in range(pages)]))
    report = check(str(folder))
    said = "tagged as colour, yet saved channel by channel: c0.tif, c1.tif; if these are images of a stack, save them"
    assert any(said in note for note in report["notes"])
    assert any("c1.tif is transparent in places" in error and "stack" in error for error in report["errors"])
    assert any("images of different channels" in error for error in report["errors"])


def test_the_command_says_how_it_paired_and_what_has_no_partner(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = filled(tmp_path / "cells", "c{}.png", "c{}_masks.png")
    save(folder / "alone.png", image(5))
    assert typed("data", "check", folder) == 0
    out = capsys.readouterr().out
    assert "note: paired NAME with NAME_masks, in one folder" in out
    assert "note: 1 of 5 images have no labels and are left aside: alone.png" in out
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
