"""Folders of images of classes: each known shape is understood, every other is told from what is wanted."""

import shutil
from pathlib import Path

import class_folders
import pytest

from cellprune.data.labelled import content, folders
from cellprune.data.labelled.folders import FoldersError
from cellprune.errors import CellpruneError


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    return class_folders.parts(tmp_path / "set")


def test_parts_of_classes_are_listed_in_order(parts: Path) -> None:
    found = folders.find(parts)
    assert folders.holds(parts)
    assert (found.classes, found.n_train, len(found.paths)) == (class_folders.NAMES, 12, 18)
    assert found.paths[:2] == ("train/n01/n01_0.JPEG", "train/n01/n01_1.JPEG")
    assert found.targets.tolist() == [0] * 4 + [1] * 4 + [2] * 4 + [0, 0, 1, 1, 2, 2]
    (parts / "val").rename(parts / "test")
    assert folders.find(parts).n_train == 12


def test_the_hashes_tell_of_other_files(parts: Path) -> None:
    before = folders.find(parts).files
    assert folders.find(parts).files == before
    with (parts / "train/n01/n01_0.JPEG").open("ab") as file:
        file.write(b"\0")
    after = folders.find(parts).files
    assert before.keys() == after.keys() == {content.LIST, content.ALL}
    assert not before.items() & after.items()


def test_one_tree_is_split_by_its_paths_evenly_over_the_classes(tmp_path: Path) -> None:
    tree = class_folders.tree(tmp_path / "set")
    assert folders.holds(tree)
    assert folders.find(tree).n_train == 30
    found, again, other = (folders.find(tree, held_out=0.2, seed=seed) for seed in (0, 0, 1))
    assert (found.n_train, found.targets[24:].tolist()) == (24, [0, 0, 1, 1, 2, 2])
    assert found.paths == again.paths != other.paths
    with pytest.raises(FoldersError, match=r"n01 has 10 images, of which data.holdout=0.05 leaves none to test"):
        folders.find(tree, held_out=0.05)


def test_the_folder_of_tiny_imagenets_archive_is_read_as_it_is(tmp_path: Path) -> None:
    found = folders.find(class_folders.tiny(tmp_path))
    assert (found.classes, found.n_train, len(found.paths)) == (class_folders.NAMES, 12, 18)
    assert found.paths[12] == "val/images/val_0.JPEG"
    assert found.targets[12:].tolist() == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("label", ["n02", "1"])
def test_lists_stand_for_folders(parts: Path, label: str) -> None:
    for at, path in enumerate(sorted((parts / "val").rglob("*.JPEG"))):
        path.rename(parts / "val" / f"image {at}.JPEG")
    (parts / "val.txt").write_text(f"image 0.JPEG {label}\n\nimage 1.JPEG {label}\n")
    found = folders.find(parts)
    assert found.paths[12:] == ("val/image 0.JPEG", "val/image 1.JPEG")
    assert found.targets[12:].tolist() == [1, 1]
    shutil.move(parts / "train", parts / "all")
    (parts / "train.txt").write_text("all/n01/n01_0.JPEG 10\nall/n02/n02_0.JPEG 9\n")
    (parts / "val.txt").write_text("image 0.JPEG 9\n")
    assert folders.find(parts).classes == ("9", "10")


def spoil(folder: Path, how: str) -> None:
    match how:
        case "no val":
            shutil.rmtree(folder / "val")
        case "no train":
            shutil.rmtree(folder / "train")
        case "no folders":
            shutil.rmtree(folder / "train/n01")
            for path in [*(folder / "train").rglob("*.JPEG")]:
                path.rename(folder / "train" / path.name)
            for path in (folder / "train/n02", folder / "train/n03"):
                path.rmdir()
        case "a class without images":
            (folder / "train/n04").mkdir()
        case "a class of the test alone":
            (folder / "val/n03").rename(folder / "val/n33")
        case "one class":
            for part in ("train", "val"):
                for name in ("n01", "n02"):
                    shutil.rmtree(folder / part / name)
        case "a lost link":
            (folder / "val/n01/link.jpg").symlink_to(folder / "nowhere.jpg")
        case "a bad line":
            (folder / "val.txt").write_text("../../etc/passwd n01\n")
        case "an unknown class":
            (folder / "val.txt").write_text("n01/n01_0.JPEG n1\n")
        case "an image that is not there":
            (folder / "val.txt").write_text("n01/n01_9.JPEG n01\n")


SPOILED = {
    "no val": r"has train, but none of val, valid, validation, test beside it: wanted are FOLDER/train/CLASS",
    "no train": r"has val, but no train beside it: wanted are",
    "no folders": r"train holds 8 images and no folder of a class: wanted are",
    "a class without images": r"n04 holds no image of a known format .*: add the images of this class, or remove",
    "a class of the test alone": r"val/n33/.* of a class of val alone: no class in train 'n33'.\nDid you mean 'n03'",
    "one class": r"holds 1 class, and two are needed at least",
    "a lost link": r"link.jpg is a link to '.*nowhere.jpg', which is not there",
    "a bad line": r"val.txt, line 1: '.*passwd n01' is no image in this folder and its class: write PATH CLASS",
    "an unknown class": r"no class 'n1' \(in .*val.txt, line 1\)",
    "an image that is not there": r"n01_9.JPEG is listed, but is not there",
}


@pytest.mark.parametrize("how", SPOILED)
def test_what_is_wrong_is_told(parts: Path, how: str) -> None:
    spoil(parts, how)
    with pytest.raises(CellpruneError, match=SPOILED[how]):
        folders.find(parts)


def test_loose_images_and_cells_are_no_classes(tmp_path: Path, cells: Path) -> None:
    tree = class_folders.tree(tmp_path / "set", n=1)
    class_folders.picture(tree / "loose.png", 0)
    assert not folders.holds(tree)
    with pytest.raises(FoldersError, match=r"holds 1 image in no folder of a class, such as loose.png"):
        folders.find(tree)
    for name in ("images", "labels"):
        class_folders.picture(tmp_path / "plain" / name / "a.png", 0)
        class_folders.picture(tmp_path / "split" / "train" / name / "a.png", 0)
        class_folders.picture(tmp_path / "split" / "val" / name / "a.png", 0)
    assert not any(map(folders.holds, (tmp_path / "plain", tmp_path / "split", cells, tmp_path / "absent")))
