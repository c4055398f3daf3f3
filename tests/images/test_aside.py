"""What looks like an image and is not read is named: by its format, its name, its place or its fault."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from cellprune.errors import CellpruneError
from cellprune.files.listing import entry
from cellprune.images import aside
from cellprune.images.read import ImageError, read_header


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data set's images t1.tif and t2.tif, and all that may lie beside them."""
    for name in ("t1.tif", "t2.tif", "other.tif"):
        tifffile.imwrite(tmp_path / name, np.zeros((4, 4), np.uint8))
    (tmp_path / "misnamed.dat").write_bytes((tmp_path / "t1.tif").read_bytes())
    (tmp_path / "table.csv").write_bytes((tmp_path / "t1.tif").read_bytes())
    (tmp_path / "movie.czi").write_bytes(b"ZISRAWFILE")
    (tmp_path / "notes.txt").write_text("notes")
    (tmp_path / "gone.tif").symlink_to(tmp_path / "nowhere.tif")
    (tmp_path / "gone.txt").symlink_to(tmp_path / "nowhere.txt")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.png").touch()
    (tmp_path / "empty").mkdir()
    return tmp_path


def entry_of(path: Path):
    found = entry(path)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "looks", "misnamed"),
    [("t1.tif", True, False), ("misnamed.dat", True, True), ("table.csv", False, False), ("movie.czi", True, False),
     ("notes.txt", False, False), ("gone.tif", True, False), ("more", False, False)],
)  # fmt: skip
def test_an_image_is_known_by_its_name_or_by_how_it_begins(
    folder: Path, name: str, looks: bool, misnamed: bool
) -> None:
    assert aside.looks_like_image(entry_of(folder / name)) is looks
    assert aside.is_misnamed(entry_of(folder / name)) is misnamed


def test_what_is_left_aside_is_said_once_for_each_reason(folder: Path) -> None:
    said = aside.left_aside(folder, lambda found: found.name in ("t1.tif", "t2.tif"))
    assert [line.partition(": ")[0] for line in said] == [f"not used in {folder}"] * 5
    broken, formats, misnamed, images, folders = (line.partition(": ")[2] for line in said)
    assert broken.startswith("gone.tif is a link to ")
    assert "gone.txt" not in broken, "its name says that it is no image"
    assert broken.endswith("(cannot be opened)")
    assert formats == "movie.czi (only TIFF and PNG are read, export the originals as OME-TIFF)"
    assert misnamed == "misnamed.dat (these begin like a TIFF or PNG, give them the ending .tif or .png)"
    assert images == "other.tif (their names or places are not those of this data set's images)"
    assert folders == "more (folders inside are not searched, name one by itself to use it)"


def test_nothing_is_said_where_all_has_its_part_or_there_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    (tmp_path / "t1.tif").touch()
    assert aside.left_aside(tmp_path, lambda found: True) == []
    assert aside.left_aside(tmp_path / "nowhere", lambda found: False) == []


def test_folders_hold_images_however_deep_but_no_predictions_and_no_links(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    assert not aside.holds_images(tmp_path)
    (deep / "x.tif").touch()
    assert aside.holds_images(tmp_path)
    (deep / "prediction.json").touch()
    assert not aside.holds_images(tmp_path), "what was predicted is no input"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "y.tif").touch()
    (tmp_path / "a" / "link").symlink_to(tmp_path / "elsewhere")
    assert not aside.holds_images(tmp_path / "a")
    (tmp_path / "a" / "circle").symlink_to(tmp_path / "a")
    assert not aside.holds_images(tmp_path / "a")


def test_what_may_not_be_listed_may_hold_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(folder: Path) -> list:
        raise CellpruneError(f"{folder} may not be read by this user")

    assert not aside.holds_images(tmp_path)
    monkeypatch.setattr(aside, "listed", closed)
    assert aside.holds_images(tmp_path)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("misnamed.dat", "is a TIFF or PNG by its content, but not by its name: give it the ending .tif or .png"),
        ("movie.czi", "is a CZI file of Zeiss: export it as OME-TIFF, from the microscope's software or from Fiji"),
        ("gone.tif", "is a link to "),
    ],
)
def test_why_it_is_not_read(folder: Path, name: str, said: str) -> None:
    assert aside.why_not(entry_of(folder / name)).startswith(said)


@pytest.mark.parametrize(("name", "start"), [("a.bmp", b"BM"), ("a.gif", b"GIF89a"), ("a.webp", b"RIFF\0\0\0\0WEBP")])
def test_a_known_format_is_refused_in_a_folder_as_where_it_is_named_alone(
    name: str, start: bytes, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(start + bytes(90))
    with pytest.raises(ImageError) as alone:
        read_header(tmp_path / name)
    assert str(alone.value) == f"{tmp_path / name} {aside.why_not(entry_of(tmp_path / name))}"


def test_files_are_counted_by_their_endings_the_most_frequent_first(tmp_path: Path) -> None:
    for name in ("a.czi", "b.czi", "c.jpg", "d", "e.jpg", "f.czi"):
        (tmp_path / name).touch()
    entries = [entry_of(path) for path in sorted(tmp_path.iterdir())]
    assert aside.seen(entries) == "3 .czi and 2 .jpg and 1 without ending"
    assert aside.seen([]) == ""


def test_of_many_some_are_named_and_the_rest_counted() -> None:
    assert aside.some(["a", "b", "c", "d", "e"]) == "a, b, c, d, e"
    assert aside.some(["a", "b", "c", "d", "e", "f", "g"]) == "a, b, c, d, e and 2 more"
    assert aside.first(["one"]) == "one"
    assert aside.first(["one", "two", "three"]) == "one (and 2 more like it)"
