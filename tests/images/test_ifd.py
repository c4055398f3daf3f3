"""The chain of a TIFF's pages, followed to its end in every kind of file, and no further than the file is long."""

import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile

from cellprune.images.ifd import Directory, directories

WIDTH, LENGTH, BITS, DESCRIPTION = 256, 257, 258, 270
WANTED = frozenset((WIDTH, LENGTH, BITS, DESCRIPTION))


def written(path: Path, n_pages: int = 2, **options: object) -> Path:
    pages = np.zeros((n_pages, 5, 7), np.uint16)
    tifffile.imwrite(path, pages, photometric="minisblack", metadata=None, contiguous=False, **options)
    return path


@pytest.mark.parametrize("options", [{}, {"byteorder": ">"}, {"bigtiff": True}, {"bigtiff": True, "byteorder": ">"}])
def test_every_page_gives_the_tags_that_are_wanted(tmp_path: Path, options: dict) -> None:
    pages = directories(written(tmp_path / "t.tif", 3, **options), WANTED)
    assert len(pages) == 3
    assert len({page.offset for page in pages}) == 3
    for page in pages:
        assert (page.value(WIDTH), page.value(LENGTH), page.value(BITS)) == (7, 5, 16)


def test_only_what_is_wanted_is_read(tmp_path: Path) -> None:
    (page,) = directories(written(tmp_path / "t.tif", 1), frozenset((WIDTH,)))
    assert page.tags == {WIDTH: (7,)}


def test_a_text_is_unread_and_a_missing_tag_has_its_default(tmp_path: Path) -> None:
    (page,) = directories(written(tmp_path / "t.tif", 1, description="a cell"), WANTED)
    assert page.unread == (DESCRIPTION,)
    assert page.value(DESCRIPTION, -1) == -1
    (page,) = directories(of_entries(tmp_path / "b.tif", entry(BITS, 1, 1, 8)), WANTED)
    assert (page.unread, page.value(BITS)) == ((BITS,), 8), "bytes are read as numbers here, and elsewhere are not"
    assert Directory(0, {}).value(WIDTH) == 0
    assert Directory(0, {WIDTH: (3, 4)}).value(WIDTH, 9) == 3


def test_sub_directories_are_looked_at_and_are_no_pages(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "t.tif") as tif:
        tif.write(np.zeros((64, 64), np.uint8), subifds=1, metadata=None)
        tif.write(np.zeros((32, 32), np.uint8), subfiletype=1, metadata=None)
    (page,) = directories(tmp_path / "t.tif", WANTED)
    assert page.value(WIDTH) == 64


@pytest.mark.parametrize("kept", range(9, 60, 10))
def test_a_file_that_breaks_off_within_its_pages_is_damaged(tmp_path: Path, kept: int) -> None:
    path = written(tmp_path / "t.tif", 1)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"breaks off|room for"):
        directories(path, WANTED)


def test_a_file_without_pages_and_one_that_claims_too_many_tags_are_damaged(tmp_path: Path) -> None:
    (tmp_path / "none.tif").write_bytes(b"II*\0\0\0\0\0")
    with pytest.raises(ValueError, match="it has no pages"):
        directories(tmp_path / "none.tif", WANTED)
    (tmp_path / "far.tif").write_bytes(b"II+\0\x08\0\0\0" + b"\xff" * 8 + bytes(8))
    with pytest.raises(ValueError, match="it breaks off within its pages"):
        directories(tmp_path / "far.tif", WANTED)
    (tmp_path / "many.tif").write_bytes(b"II*\0\x08\0\0\0" + (5000).to_bytes(2, "little") + bytes(100))
    with pytest.raises(ValueError, match="one of its pages claims 5000 tags"):
        directories(tmp_path / "many.tif", WANTED)


def test_a_page_that_comes_again_is_a_circle(tmp_path: Path) -> None:
    entry = (WIDTH).to_bytes(2, "little") + (3).to_bytes(2, "little") + (1).to_bytes(4, "little") + bytes(4)
    page = (1).to_bytes(2, "little") + entry + (8).to_bytes(4, "little")
    (tmp_path / "t.tif").write_bytes(b"II*\0\x08\0\0\0" + page)
    with pytest.raises(ValueError, match="its pages go round in a circle"):
        directories(tmp_path / "t.tif", WANTED)


def entry(tag: int, kind: int, count: int, value: int) -> bytes:
    return struct.pack("<HHII", tag, kind, count, value)


def of_entries(path: Path, *entries: bytes, padding: int = 0) -> Path:
    page = len(entries).to_bytes(2, "little") + b"".join(entries) + bytes(4)
    path.write_bytes(b"II*\0\x08\0\0\0" + page + bytes(padding))
    return path


def test_a_sub_directory_that_leads_back_is_a_circle(tmp_path: Path) -> None:
    path = of_entries(tmp_path / "t.tif", entry(330, 4, 1, 8), padding=100)
    with pytest.raises(ValueError, match="its pages go round in a circle"):
        directories(path, WANTED)
    with pytest.raises(ValueError, match="breaks off within its pages"):
        directories(of_entries(path, entry(330, 4, 1, 10**6), padding=100), WANTED)


@pytest.mark.parametrize("tag", [273, 279, 324, 325])
def test_lists_are_no_longer_than_the_file(tmp_path: Path, tag: int) -> None:
    path = of_entries(tmp_path / "t.tif", entry(tag, 4, 50, 8), padding=100)
    assert directories(path, WANTED)[0].tags == {}, "they are not read"
    with pytest.raises(ValueError, match="more pages, strips or tiles than it has room for"):
        directories(of_entries(path, entry(tag, 4, 500, 8), padding=100), WANTED)


def test_values_that_lie_apart_are_read_where_they_are_and_long_lists_left(tmp_path: Path) -> None:
    path = of_entries(tmp_path / "t.tif", entry(BITS, 3, 3, 26))
    path.write_bytes(path.read_bytes() + struct.pack("<HHH", 8, 16, 32))
    assert directories(path, WANTED)[0].tags == {BITS: (8, 16, 32)}
    of_entries(path, entry(BITS, 3, 3, 10**6), padding=50)
    with pytest.raises(ValueError, match="breaks off within its pages"):
        directories(path, WANTED)
    assert directories(of_entries(path, entry(BITS, 3, 65, 26), padding=500), WANTED)[0].tags == {BITS: ()}
