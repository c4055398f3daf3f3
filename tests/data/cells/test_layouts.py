"""A folder that is no data set as it is: what was seen is named, with the way from there."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cellprune.data.check import check
from cellprune.data.open import open_dataset
from cellprune.errors import CellpruneError

from ..plain_folders import filled, image, labels, save

Make = Callable[[Path], object]


def files(*names: str) -> Make:
    def make(folder: Path) -> None:
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(b"x")

    return make


def bowl(folder: Path, n_images: int = 2, n_cells: int = 3) -> None:
    """The Data Science Bowl 2018: a folder for each image, a file for each cell."""
    for at in range(n_images):
        save(folder / f"id{at}" / "images" / f"id{at}.png", image(at))
        for cell in range(n_cells):
            save(folder / f"id{at}" / "masks" / f"{at}{cell}f.png", labels())


def cells_in_folders(folder: Path) -> None:
    save(folder / "images" / "a.png", image(0))
    save(folder / "labels" / "a" / "1.png", labels())


def numbered_cells(folder: Path) -> None:
    for name in "ab":
        save(folder / "images" / f"{name}.png", image(0))
        for cell in (1, 2):
            save(folder / "masks" / f"{name}_{cell}.png", labels())


def images_of_czi(folder: Path) -> None:
    filled(folder, "images/c{}.tif", "labels/c{}.tif")
    for path in (folder / "images").iterdir():
        path.rename(path.with_suffix(".czi"))


def cellpose(folder: Path) -> None:
    save(folder / "a.tif", image(0))
    np.save(folder / "a_seg.npy", np.zeros(3))


def another_name(folder: Path) -> None:
    filled(folder, "images/c{}.tif", "outlines/c{}.tif")


def outlines_beside(folder: Path) -> None:
    filled(folder, "images/c{}.tif", "labels/c{}.tif")
    shutil.rmtree(folder / "labels")
    files("annotations/all.json")(folder)


def beside(images: str) -> Make:
    """Labels in labels/ and images elsewhere."""
    return lambda folder: filled(folder, images, "labels/c{}.tif")


def formats_beside_labels(folder: Path) -> None:
    save(folder / "labels" / "a.png", labels())
    files("a.jpg", "b.jpg")(folder)


LAYOUTS: dict[str, tuple[Make, str]] = {
    "other formats": (files("a.jpg", "b.jpg", "c.czi"), "no TIFF or PNG images, but 2 .jpg and 1 .czi: export"),
    "other formats in images/": (images_of_czi, "images holds no TIFF or PNG images, but 4 .czi: export"),
    "a format that is a folder": (files("a.zarr/0"), "no TIFF or PNG images, but 1 .zarr: export"),
    "text": (files("a.txt"), r"no TIFF or PNG images \(but 1 .txt\): put images into images/"),
    "folders": (files("x/a.txt"), r"\(but folders: x\): put images into images/"),
    "the Bowl": (bowl, r"has a folder for each image \(id0\); the labels are one file per cell"),
    "an image of the Bowl": (lambda f: bowl(f.parent, 1) or (f.parent / "id0").rename(f), "one file per cell"),
    "cells in folders": (cells_in_folders, "no labels for any; the labels are one file per cell"),
    "numbered cells": (numbered_cells, "no labels for any; the labels are one file per cell"),
    "Cellpose": (cellpose, r"NAME_seg\.npy is Cellpose's own format: .*'cellprune data import"),
    "labels by another name": (another_name, "no labels for any; if .*/outlines holds them, name it .*/labels"),
    "images beside labels/": (beside("c{}.tif"), "holds labels/, but its images lie beside it: move them .*/images"),
    "other formats beside labels/": (formats_beside_labels, "no TIFF or PNG images, but 2 .jpg: export .*/images"),
    "images by another name": (beside("photos/c{}.tif"), "no images; if .*/photos holds them, name it .*/images"),
    "frames of another format": (files("01/t000.jpg", "01/t001.jpg"), "01 holds no frames, but 2 .jpg: export"),
    "outlines as text": (outlines_beside, "/annotations holds 1 .json: save label images, TIFF or PNG"),
    "labels as JPEG": (
        lambda folder: (filled(folder, "images/c{}.tif", "labels/c{}.tif"), shutil.rmtree(folder / "labels"),
                        files("labels/c0.jpg")(folder)),
        "/labels holds 1 .jpg, and a JPEG changes the numbers of cells: save label images, TIFF or PNG",
    ),
    "a link to nothing": (
        lambda folder: folder.mkdir() or (folder / "a.tif").symlink_to("nowhere"),
        r"a\.tif is a link to 'nowhere', which is not there",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_was_seen_is_named_with_the_way_from_there(tmp_path: Path, name: str) -> None:
    make, said = LAYOUTS[name]
    folder = tmp_path / "set"
    make(folder)
    with pytest.raises(CellpruneError, match=said) as refused:
        open_dataset(str(folder))
    assert check(str(folder)).errors == (str(refused.value),)
    assert "\n" not in str(refused.value)
