"""How people name images and labels: the certain is taken, what may be an image's own name beside its image alone."""

from unicodedata import normalize

import pytest

from cellprune.images.naming import (
    IMAGES,
    LABELS,
    affix,
    is_image,
    is_label,
    is_other_format,
    of_role,
    stem_of,
    stripped,
)

CERTAIN = ("a_mask", "a_masks", "a_cp_masks", "a_label", "a_labels", "mask_a", "masks_a")
BESIDE_THEIR_IMAGE = (
    "a_seg",
    "a_GT",
    "a-mask",
    "a_Mask",
    "a.gt",
    "a_ground_truth",
    "a_segmentation",
    "Mask_a",
    "a labels",
)
NEVER = ("a", "mask_", "_mask", "label_a", "a_segmented", "gta", "amask")


@pytest.mark.parametrize("stem", CERTAIN + BESIDE_THEIR_IMAGE)
def test_an_affix_is_found_and_taken_off(stem: str) -> None:
    assert any(affix(stem))
    assert stripped(stem) == "a"
    assert is_label(stem, {"a", stem})
    assert is_label(stem, {stem}) is (stem in CERTAIN)


def test_programs_put_their_affix_after_omes() -> None:
    assert stripped(stem_of("a.ome_cp_masks.png")) == stem_of("a.ome.tif")


@pytest.mark.parametrize("stem", NEVER)
def test_other_names_are_images_own(stem: str) -> None:
    assert not any(affix(stem))
    assert not is_label(stem, {"a", "free", stem})


@pytest.mark.parametrize(
    ("name", "stem"),
    [("a.tif", "a"), ("a.ome.tif", "a"), ("a.OME.TIFF", "a"), (".ome.tif", ".ome"), ("a.b.png", "a.b"), ("x", "x")],
)
def test_the_stem_leaves_out_what_only_says_the_format(name: str, stem: str) -> None:
    assert stem_of(name) == stem


def test_an_accent_is_spelled_in_one_way() -> None:
    assert len({stem_of(normalize(form, "Zürich.tif")) for form in ("NFC", "NFD")}) == 1


@pytest.mark.parametrize("name", ["Images", "IMG", "raw"])
def test_folders_of_images_in_any_case(name: str) -> None:
    assert of_role(name, IMAGES)
    assert not of_role(name, LABELS)


@pytest.mark.parametrize("name", ["Labels", "Masks", "gt", "GT", "Ground Truth", "ground-truth", "annotations"])
def test_folders_of_labels_in_any_case(name: str) -> None:
    assert of_role(name, LABELS)
    assert not of_role(name, IMAGES)


def test_formats_by_their_names() -> None:
    assert is_image("a.TIF")
    assert not is_image("tif")
    assert all(map(is_other_format, ("a.JPG", "b.czi", "c.nd2", "d.lif", "e.bmp", "f.lsm", "g.ome.zarr")))
    assert not any(map(is_other_format, ("a.tif", "a.txt", "jpg", "exp.nd")))
