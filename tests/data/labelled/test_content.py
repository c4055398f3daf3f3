"""A folder of images is told from another by what stands in its files, read once."""

import os
from pathlib import Path

import class_folders
import pytest

from cellprune.data.labelled import content, folders
from cellprune.errors import CellpruneError

FIRST = "train/n01/n01_0.JPEG"


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CELLPRUNE_CACHE", str(tmp_path / "cache"))
    return class_folders.parts(tmp_path / "set")


def swapped(path: Path, *, keeps_time: bool) -> None:
    """Change the content of a file, and leave its size."""
    before, status = path.read_bytes(), path.stat()
    path.write_bytes(before[::-1])
    if keeps_time:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("keeps_time", [False, True])
def test_a_file_that_keeps_its_size_is_noticed(parts: Path, monkeypatch: pytest.MonkeyPatch, keeps_time: bool) -> None:
    before = folders.find(parts).files
    swapped(parts / FIRST, keeps_time=keeps_time)
    after = folders.find(parts).files
    assert after[content.LIST] == before[content.LIST]
    assert after[content.ALL] != before[content.ALL]


def test_files_are_read_once_unless_they_just_changed(parts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "_SETTLED_NS", 3600 * 10**9)
    before = folders.find(parts).files
    assert not list((parts.parent / "cache").rglob("*.txt")), "what was written just now may change within its time"
    monkeypatch.setattr(content, "_SETTLED_NS", -3600 * 10**9)
    assert folders.find(parts).files == before
    monkeypatch.setattr(content, "_of_file", lambda path: pytest.fail("read again"))
    assert folders.find(parts).files == before
    (parts / FIRST).touch()
    with pytest.raises(pytest.fail.Exception):
        folders.find(parts)


def test_of_a_large_folder_some_files_are_read_and_that_is_said(
    parts: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(content, "MOST_BYTES", 1)
    monkeypatch.setattr(content, "_SOME", 3)
    monkeypatch.setattr(content, "_of_file", lambda path: path.name.encode())
    assert folders.find(parts).files.keys() == {content.LIST, content.SOME}
    assert (
        "of its 18 files tell it from another set, and the content of 3 of them; if another file changes" in caplog.text
    )


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(CellpruneError, match=r"a.png cannot be read .*: restore it, or remove it from the set"):
        content.hashes(tmp_path, [("a.png", "a")], [(1, 2, 3)])


def test_an_older_run_knows_names_and_sizes_alone() -> None:
    ours = {content.LIST: "1", content.ALL: "2"}
    assert content.as_known(ours, {content.LIST: "1"}) == {content.LIST: "1"}
    assert content.as_known(ours, ours) == ours
    assert content.as_known({"own.npz": "1"}, {"other.npz": "1"}) == {"own.npz": "1"}
