"""What a user names, and the images that are meant by it."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest
from lab_engines import spots

from cellprune.errors import CellpruneError
from cellprune.lab.inputs import Image, find
from cellprune.wording import printable

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


def test_a_stack_and_an_image_of_its_name_would_share_a_file(write: Write, tmp_path: Path) -> None:
    write("in/film.tif", np.stack([spots(), spots() + 1]), photometric="minisblack")
    for name in ("in/film.png", "in/film_t5.tif"):
        write(name)
    images, failures, _ = find([str(tmp_path / "in")])
    assert names(images) == ["film_t5"]
    assert all("would both be written as 'film': rename one" in failure.why for failure in failures)


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
    assert [Path(failure.shown).name for failure in failures] == ["x", "cut.tif", "empty.tif", "text.tif"]
    assert all("\n" not in failure.why for failure in failures)


def test_nothing_that_can_be_read_is_refused(tmp_path: Path) -> None:
    for name in ("a.tif", "b.tif"):
        (tmp_path / name).touch()
    with pytest.raises(CellpruneError, match=r"a\.tif is empty: copy it again \(and 1 more not done\)"):
        find([str(tmp_path)])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("nowhere", "there is no file or folder .*nowhere"),
        ("*.tif", "no file fits"),
        ("folder", r"holds no images; did you mean .*folder/plate'"),
        ("bare", "holds no images: give one with TIFF or PNG files"),
        ("foldr", r"no file or folder .*foldr' \(did you mean folder\?\): check the path"),
        (
            "formats",
            r"holds no images that can be read, but 2 \.bmp and 1 \.vsi; .*: export the original as OME",
        ),
        ("bowl", r"holds no images; did you mean '.*/bowl/\*/images'"),
        ("bare/desktop.ini", "no image is named: give TIFF or PNG files"),
        ("lost", r"lost/a\.tif is a link to 'nowhere', .* \(and 1 more like it\)"),
    ],
)
def test_what_is_not_there_is_said(given: str, said: str, write: Write, tmp_path: Path) -> None:
    for name in ("labels/a", "masks/a", "plate/a"):
        write(f"folder/{name}.TIFF")
    for name in ("bare/desktop.ini", "formats/a.bmp", "formats/b.BMP", "formats/c.vsi", "formats/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    for name in "ab":
        write(f"bowl/{name}/images/{name}.png")
        (tmp_path / "lost").mkdir(exist_ok=True)
        (tmp_path / "lost" / f"{name}.tif").symlink_to("nowhere")
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


def test_files_that_would_share_a_name_are_listed_and_the_others_are_found(write: Write, tmp_path: Path) -> None:
    for name in ("a.tif", "a.png", "b.tif"):
        write(name)
    images, failures, _ = find([str(tmp_path)])
    assert names(images) == ["b"]
    assert [Path(failure.shown).name for failure in failures] == ["a.png", "a.tif"]
    assert all("would both be written as 'a': rename one" in failure.why for failure in failures)


def test_two_spellings_of_an_accent_are_one_name(write: Write, tmp_path: Path) -> None:
    one, two = (write(f"{form}/{normalize(form, 'ü')}.tif") for form in ("NFC", "NFD"))
    with pytest.raises(CellpruneError, match="would both be written as"):
        find([str(one), str(two)])


def test_links_to_one_content_are_images_of_their_own(write: Write, tmp_path: Path) -> None:
    path = write("annex/KEY.tif")
    (tmp_path / "in").mkdir()
    for name in ("f0.tif", "f3.tif"):
        (tmp_path / "in" / name).symlink_to("../annex/KEY.tif")
    assert names(find([str(tmp_path / "in")])[0]) == ["f0", "f3"]
    (tmp_path / "again").symlink_to("in")
    assert names(find([str(tmp_path / "in"), str(tmp_path / "again"), str(path)])[0]) == ["f0", "f3", "KEY"]


def test_what_looks_like_an_image_and_is_not_done_is_listed(write: Write, tmp_path: Path) -> None:
    write("in/a.tif")
    write("in/old/deep/b.tif")
    write("in/stack.ome.zarr/0.tif")
    write("in/predicted/labels/a.tif")
    (tmp_path / "in/predicted/prediction.json").touch()
    (tmp_path / "in/scan001").write_bytes((tmp_path / "in/a.tif").read_bytes())
    for name in ("a.jpg", "g.jpg", "h.BMP", "notes.txt", "Thumbs.db", "._a.tif", "docs/read.md"):
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / name).touch()
    (tmp_path / "in/lost.tif").symlink_to("nowhere")
    (tmp_path / "in/loop").symlink_to(".")  # what lies there is done
    os.mkfifo(tmp_path / "in/pipe.tif")
    images, failures, left_out = find([str(tmp_path / "in")])
    assert names(images) == ["a"]
    assert left_out == ["a.jpg"], "a copy for the eye"
    said = {Path(failure.shown).name: failure.why for failure in failures}
    assert {name: why.split(f"{name} ")[1].split(":")[0] for name, why in said.items()} == {
        "g.jpg": "is empty",
        "h.BMP": "has the format .bmp, which cellprune does not read",
        "lost.tif": "is a link to 'nowhere', which is not there",
        "old": "is a folder inside the folder that you gave",
        "pipe.tif": "is a pipe, not a file, and is not opened",
        "scan001": "is a TIFF or PNG by its content, but not by its name",
        "stack.ome.zarr": "holds no .zattrs and no zarr.json, so it is no whole OME-Zarr",
    }


def test_folders_of_labels_beside_images_are_left_out_and_named(write: Write, tmp_path: Path) -> None:
    for name in ("in/a.tif", "in/Masks/a.tif", "in/images/b.tif"):
        write(name)
    images, failures, left_out = find([str(tmp_path / "in")])
    assert (names(images), left_out) == (["a"], ["Masks/"])
    assert [Path(failure.shown).name for failure in failures] == ["images"]


def test_everything_in_a_sequence_is_done_and_what_lies_beside_is_named(write: Write, tmp_path: Path) -> None:
    for name in ("01/t000.tif", "01/snap.tif", "01_GT/SEG/man_seg000.tif", "overview.tif", "raw/a.tif"):
        write(f"SET/{name}")
    images, failures, _ = find([str(tmp_path / "SET")])
    assert names(images) == ["overview", "snap", "01_t000"]
    assert [Path(failure.shown).name for failure in failures] == ["raw"]


def test_one_odd_input_does_not_refuse_the_others(write: Write, tmp_path: Path) -> None:
    write("a.tif")
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe")
    images, failures, _ = find([str(tmp_path / name) for name in ("empty", "nowhere.tif", "pipe", "a.tif", "b*.tif")])
    assert names(images) == ["a"]
    assert [Path(failure.shown).name for failure in failures] == ["empty", "nowhere.tif", "pipe", "b*.tif"]


def test_a_folder_that_may_not_be_listed_is_listed_as_not_done(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("in/a.tif")
    for name in ("in/closed", "in/03"):
        (tmp_path / name).mkdir()
    scan = os.scandir

    def refuse(path):
        if Path(path).name in ("closed", "03"):
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    images, failures, _ = find([str(tmp_path / "in"), str(tmp_path / "in/closed")])
    assert names(images) == ["a"]
    assert [Path(failure.shown).name for failure in failures] == ["03", "closed", "closed"]
    assert "may not be read by this user: change its permissions" in failures[-1].why


def test_many_files_take_no_time_each(tmp_path: Path, write: Write) -> None:
    write("in/a.tif")
    for at in range(3000):
        (tmp_path / "in" / f"x{at}.bmp").touch()
    clock = time.perf_counter()
    _, failures, _ = find([str(tmp_path / "in")])
    assert len(failures) == 3000
    assert time.perf_counter() - clock < 5


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
