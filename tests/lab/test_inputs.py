"""What a user names, and the images that are meant by it."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from lab_engines import spots

from cellprune.errors import CellpruneError
from cellprune.lab.inputs import Image, find, printable

Write = Callable[..., Path]


def names(images: list[Image]) -> list[str]:
    return [image.name for image in images]


def test_files_folders_and_patterns(write: Write, tmp_path: Path) -> None:
    for name in ("in/b.tif", "in/a.TIFF", "in/.hidden.tif", "in/notes.txt", "more/c1.tif", "more/c2.tif", "d.tif"):
        write(name)
    images, failures, _ = find([str(tmp_path / "in"), str(tmp_path / "more" / "c*.tif"), str(tmp_path / "d.tif")])
    assert names(images) == ["a", "b", "c1", "c2", "d"]
    assert [image.shown for image in images][:2] == ["a.TIFF", "b.tif"]
    assert not failures


def test_a_file_that_is_named_twice_counts_once(write: Write, tmp_path: Path) -> None:
    path = write("in/a.tif")
    assert len(find([str(path), str(tmp_path / "in"), str(tmp_path / "in" / "*")])[0]) == 1


def test_a_set_of_the_challenge_and_its_sequences(write: Write, tmp_path: Path) -> None:
    for name in ("SET/01/t000.tif", "SET/01/t0012.tif", "SET/02/t007.tif", "SET/01_GT/SEG/man_seg000.tif"):
        write(name)
    images, _, _ = find([str(tmp_path / "SET")])
    assert names(images) == ["01_t000", "01_t0012", "02_t007"]
    assert [image.frame for image in images] == [0, 12, 7]
    assert images[0].shown == "01/t000.tif"
    assert find([str(tmp_path / "SET" / "01"), str(tmp_path / "SET" / "02" / "t007.tif")])[0] == images


def test_a_data_set_of_two_folders_means_its_images(write: Write, tmp_path: Path) -> None:
    for name in ("SET/ignore/a.tif", "SET/images/a.tif", "SET/labels/a.tif"):
        write(name)
    images, _, left_out = find([str(tmp_path / "SET")])
    assert [image.path.parent.name for image in images] == ["images"]
    assert left_out == []


def test_label_images_beside_their_images_are_left_out(write: Write, tmp_path: Path) -> None:
    for name in ("a.tif", "a_masks.tif", "b.TIF", "b_cp_masks.tif", "mask_b.tif", "c_mask.tif", "labels.tif"):
        write(f"in/{name}")
    write("other/c.tif")
    images, _, left_out = find([str(tmp_path / "in"), str(tmp_path / "other")])
    assert names(images) == ["a", "b", "c_mask", "labels", "c"]  # c's image lies elsewhere: nothing says whose it is
    assert left_out == ["a_masks.tif", "b_cp_masks.tif", "mask_b.tif"]
    named = [str(tmp_path / "in" / name) for name in ("a.tif", "a_masks.tif")]
    assert names(find(named)[0]) == ["a"]  # so a shell's pattern means what a folder means
    assert names(find(named[1:])[0]) == ["a_masks"]


def test_a_stack_is_a_time_lapse(write: Write) -> None:
    path = write("film.tif", np.stack([spots(), spots() + 1, spots() + 2]), photometric="minisblack")
    images, _, _ = find([str(path)])
    assert names(images) == ["film_t000", "film_t001", "film_t002"]
    assert [(image.plane, image.frame) for image in images] == [(0, 0), (1, 1), (2, 2)]


def test_a_stack_of_slices_is_listed_by_name_and_never_taken_for_time(write: Write, tmp_path: Path) -> None:
    write("good.tif")
    write(
        "depth.tif", np.stack([spots(), spots() + 1]), photometric="minisblack", description="ImageJ=1.54\nslices=2\n"
    )
    images, failures, _ = find([str(tmp_path)])
    assert names(images) == ["good"]
    assert "is a stack of 2 slices in Z, not of moments in time" in failures[0].why


def test_a_stack_in_a_sequence_is_a_3d_set(write: Write, tmp_path: Path) -> None:
    write("01/t000.tif", np.stack([spots(), spots()]), photometric="minisblack")
    with pytest.raises(CellpruneError, match="the set is 3-D: cellprune predicts 2-D images"):
        find([str(tmp_path / "01")])


def test_what_cannot_be_read_is_listed_and_the_rest_is_found(write: Write, tmp_path: Path) -> None:
    write("good.tif")
    (tmp_path / "empty.tif").touch()
    (tmp_path / "cut.tif").write_bytes(write("x/whole.tif").read_bytes()[:40])
    (tmp_path / "text.tif").write_text("no image at all")
    images, failures, _ = find([str(tmp_path)])
    assert names(images) == ["good"]
    assert [Path(failure.shown).name for failure in failures] == ["cut.tif", "empty.tif", "text.tif"]
    assert all("\n" not in failure.why for failure in failures)


def test_nothing_that_can_be_read_is_refused(tmp_path: Path) -> None:
    for name in ("a.tif", "b.tif"):
        (tmp_path / name).touch()
    with pytest.raises(CellpruneError, match=r"a\.tif is empty: copy it again \(and 1 more that cannot be read\)"):
        find([str(tmp_path)])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("nowhere", "there is no file or folder .*nowhere"),
        ("*.tif", "no file fits"),
        ("folder", r"holds no images; did you mean .*folder/plate'"),
        ("bare", "holds no images: give one with TIFF or PNG files"),
    ],
)
def test_what_is_not_there_is_said(given: str, said: str, write: Write, tmp_path: Path) -> None:
    for name in ("labels/a", "masks/a", "plate/a"):
        write(f"folder/{name}.TIFF")
    (tmp_path / "bare").mkdir()
    with pytest.raises(CellpruneError, match=said):
        find([str(tmp_path / given)])


@pytest.mark.parametrize("other", ["two/a.tif", "two/A.tif", "one/a.tiff"])
def test_two_images_never_share_a_name(other: str, write: Write, tmp_path: Path) -> None:
    one = write("one/a.tif")
    if (tmp_path / other).exists():
        pytest.skip("this file system takes the two for one")
    two = write(other)
    with pytest.raises(CellpruneError, match=r"would both be written as '[aA]': rename one"):
        find([str(one), str(two)])


def test_a_stacks_images_may_not_be_named_like_another_file(write: Write, tmp_path: Path) -> None:
    write("film.tif", np.stack([spots(), spots()]), photometric="minisblack")
    write("film_t001.tif")
    with pytest.raises(CellpruneError, match="both be written as 'film_t001'"):
        find([str(tmp_path)])


ODD = [
    "a b.tif",
    "=1+1.tif",
    "<b>x.tif",
    "ünïcode.tif",
    "%s{}.tif",
    "line\nbreak.tif",
    "[1].tif",
    "x.tif.tif",
    "-o.tif",
]


@pytest.mark.parametrize("name", ODD)
def test_odd_names_are_found(name: str, write: Write, tmp_path: Path) -> None:
    try:
        path = write(name)
    except OSError:
        pytest.skip("this file system does not take the name")
    (image,) = find([str(path)])[0]
    assert image.name == name.removesuffix(".tif")
    assert "\n" not in image.shown
    assert find([str(tmp_path)])[0] == [image]


@pytest.mark.skipif(os.name == "nt" or os.uname().sysname == "Darwin", reason="names are text there")
def test_a_name_that_is_no_text_is_printable(write: Write, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.tif")
    path.write_bytes(write("x.tif").read_bytes())
    assert find([str(path)])[0][0].shown == "caf\\udce9.tif"
    assert printable("a\x1b[31m") == "a\\x1b[31m"


def test_a_name_too_long_to_write_beside_is_listed(write: Write, tmp_path: Path) -> None:
    write("a.tif")
    write("x" * 200 + ".tif")
    images, failures, _ = find([str(tmp_path)])
    assert names(images) == ["a"]
    assert "more than 180 bytes: shorten it" in failures[0].why
