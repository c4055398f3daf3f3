"""Annotations belong to the image of their name in the nearest place, or are refused."""

from pathlib import Path

import pytest

from cellprune.data.annotations.belonging import Images
from cellprune.data.annotations.canvas import AnnotationError

HERE = Path("in")


def images(*names: str) -> Images:
    return Images(HERE, tuple(HERE / name for name in names))


@pytest.mark.parametrize(
    ("files", "annotations", "image"),
    [
        (["day1/a.tif", "day2/a.tif"], "day1/a_seg.npy", "day1/a.tif"),
        (["day1/a.tif", "day2/a.tif"], "day2/a_seg.npy", "day2/a.tif"),
        (["a.tif", "images/a.tif"], "a.geojson", "a.tif"),
        (["images/a.tif", "preview/a.tif"], "rois/RoiSet_a.zip", "images/a.tif"),
        (["images/a.tif", "labels/a.tif", "overlays/a.png"], "outlines/a.geojson", "images/a.tif"),
        (["annotations/a.tif", "raw/a.tif"], "annotations/a.geojson", "raw/a.tif"),
        (["annotations/a.tif"], "annotations/a_seg.npy", "annotations/a.tif"),
        (["photos/a.tif", "labels/a.tif"], "outlines/a.zip", "photos/a.tif"),
        (["labels/a.tif", "overlays/a.png"], "outlines/a.zip", None),
        (["one/images/a.tif", "two/images/a.tif"], "two/RoiSet_a.zip", "two/images/a.tif"),
        (["b.tif"], "a.zip", None),
    ],
)
def test_the_image_in_the_nearest_place_is_taken(files: list[str], annotations: str, image: str | None) -> None:
    for order in (files, files[::-1]):
        assert images(*order).of(HERE / annotations, "a") == (None if image is None else HERE / image)


@pytest.mark.parametrize(
    ("files", "annotations"),
    [
        (["a.png", "a.tif"], "a_seg.npy"),
        (["images/a.tif", "raw/a.tif"], "rois/a.zip"),
        (["day1/a.tif", "day2/a.tif"], "truth/a.geojson"),
    ],
)
def test_images_equally_near_are_refused_and_both_are_named(files: list[str], annotations: str) -> None:
    first, second = (HERE / name for name in files)
    with pytest.raises(AnnotationError) as error:
        images(*files).of(HERE / annotations, "a")
    assert str(error.value) == (
        f"{HERE / annotations} may belong to {first} or to {second}: "
        "put the annotations beside their image, or rename one image"
    )


def test_a_folder_that_is_itself_named_labels_holds_images() -> None:
    inside = Images(Path("labels"), (Path("labels/a.tif"), Path("labels/overlays/a.png")))
    assert inside.shown == (Path("labels/a.tif"),)


@pytest.mark.parametrize(
    ("files", "name", "image"),
    [
        (["train/a.tif", "val/a.tif"], "train/a.tif", "train/a.tif"),
        (["train/a.tif", "val/a.tif"], r"D:\set\val\a.tif", "val/a.tif"),
        (["val/a.tif"], "train/a.tif", None),
        (["a.tif", "val/a.tif"], "train/a.tif", "a.tif"),
        (["images/a.tif"], "train2017/a.tif", "images/a.tif"),
        (["train/a.tif"], "a.tif", "train/a.tif"),
        (["labels/a.tif", "images/a.tif"], "labels/a.tif", "labels/a.tif"),
        (["a.tif"], "a.png", None),
        (["a.tif"], "", None),
    ],
)
def test_the_folders_in_a_name_decide(files: list[str], name: str, image: str | None) -> None:
    for order in (files, files[::-1]):
        assert images(*order).named(HERE / "c.json", name) == (None if image is None else HERE / image)


def test_a_name_without_folders_does_not_choose_between_two() -> None:
    with pytest.raises(AnnotationError, match=r"c\.json may belong to .*train.* or to .*val"):
        images("train/a.tif", "val/a.tif").named(HERE / "c.json", "a.tif")
