"""The challenge's layout: what is found, and every way in which it can be wrong."""

import os
from pathlib import Path

import numpy as np
import pytest

from cellprune.data.cells.ctc import LayoutError, Track, aside, frames, orphans, sequences, tracks, tracks_path

from ..conftest import write

PIXELS = np.arange(12, dtype=np.uint8).reshape(3, 4)


def test_frames_come_with_the_truth_they_have(cells: Path) -> None:
    found = frames(cells, "cells")
    assert sequences(cells) == ["01", "02"]
    assert [frame.id for frame in found] == [f"{s}/{n:03d}" for s in ("01", "02") for n in range(8)]
    assert [frame.number for frame in found if frame.gold is None] == [3, 7, 3, 7]
    assert found[0].files["markers"] == cells / "01_GT" / "TRA" / "man_track000.tif"
    assert all(path.is_file() for frame in found for path in frame.files.values())


def test_four_digits_sort_by_number(tmp_path: Path) -> None:
    for name in ("t0998.tif", "t1000.tif", "t0999.tif", "notes.txt", "t1.tif"):
        write(tmp_path / "01" / name, PIXELS)
    write(tmp_path / "01_GT" / "SEG" / "man_seg1000.tif", PIXELS)
    found = frames(tmp_path, "long")
    assert [frame.number for frame in found] == [998, 999, 1000]
    assert [frame.gold is not None for frame in found] == [False, False, True]


def test_truth_without_image_is_an_orphan(own_cells: Path) -> None:
    (own_cells / "02" / "t004.tif").unlink()
    assert [path.name for path in orphans(own_cells)] == ["man_seg004.tif", "man_track004.tif", "man_seg004.tif"]


def test_not_a_folder_and_no_sequence(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="is not a folder"):
        frames(tmp_path / "none", "x")
    with pytest.raises(LayoutError, match="holds no sequence"):
        frames(tmp_path, "x")


def test_a_sequence_without_frames(tmp_path: Path) -> None:
    (tmp_path / "01").mkdir()
    with pytest.raises(LayoutError, match="holds no frames: they must be named"):
        frames(tmp_path, "x")
    (tmp_path / "01" / "img_0.TIF").touch()
    with pytest.raises(LayoutError, match=r"holds no frames \(but img_0\.TIF\): they must be named"):
        frames(tmp_path, "x")


def test_two_files_for_one_frame(tmp_path: Path) -> None:
    for name in ("t001.tif", "t0001.tif"):
        write(tmp_path / "01" / name, PIXELS)
    with pytest.raises(LayoutError, match="are both frame 1"):
        frames(tmp_path, "x")


def test_truth_of_planes_is_a_3d_set(own_cells: Path) -> None:
    write(own_cells / "01_GT" / "SEG" / "man_seg_000_012.tif", PIXELS)
    with pytest.raises(LayoutError, match=r"man_seg_000_012\.tif is truth of one plane.*3-D"):
        frames(own_cells, "x")


def test_tracks_are_read(tmp_path: Path) -> None:
    (tmp_path / "man_track.txt").write_text("1 0 5 0\n\n2 6 9 1\n")
    assert tracks(tmp_path / "man_track.txt") == {1: Track(1, 0, 5, 0), 2: Track(2, 6, 9, 1)}


@pytest.mark.parametrize(
    ("line", "message"),
    [("1 0 5", "is not 'label"), ("1 0 x 0", "is not 'label"), ("1 5 2 0", "ends before"), ("7 0 1 0", "listed twice")],
)
def test_a_bad_track_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "man_track.txt"
    path.write_text(f"7 0 5 0\n{line}\n")
    with pytest.raises(LayoutError, match=rf"man_track\.txt, line 2: .*{message}"):
        tracks(path)


def test_where_tracks_are_listed(cells: Path) -> None:
    assert tracks_path(cells, "02").is_file()


def test_what_looks_like_an_image_and_is_neither_frame_nor_truth_is_named(own_cells: Path) -> None:
    assert aside(own_cells) == []
    for name in (
        "01/t003.tiff",
        "01/._t000.tif",
        "01_GT/SEG/old.tif",
        "02/Thumbs.db",
        "raw/t000.czi",
        "01_RES/mask000.tif",
    ):
        (own_cells / name).parent.mkdir(exist_ok=True)
        (own_cells / name).touch()
    assert aside(own_cells) == [
        f"not used in {own_cells}: raw (folders inside are not searched, name one by itself to use it)",
        f"not used in {own_cells}/01: t003.tiff (their names or places are not those of this data set's images)",
        f"not used in {own_cells}/01_GT/SEG: old.tif (their names or places are not those of this data set's images)",
    ]


@pytest.mark.parametrize("name", ["01/t002.tif", "01_GT/SEG/man_seg002.tif", "02_GT/TRA/man_track001.tif"])
def test_a_file_that_cannot_be_opened_is_named_and_not_opened(own_cells: Path, name: str) -> None:
    (own_cells / name).unlink()
    os.mkfifo(own_cells / name)
    with pytest.raises(LayoutError, match=f"{name} is a pipe, not a file, and is not opened"):
        frames(own_cells, "x")


def test_links_to_nothing_are_counted(own_cells: Path) -> None:
    for path in (own_cells / "01").iterdir():
        path.unlink()
        path.symlink_to("nowhere")
    with pytest.raises(LayoutError, match=r"01/t000\.tif is a link to 'nowhere', .* \(and 7 more like it\)"):
        frames(own_cells, "x")
