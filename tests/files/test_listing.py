"""Folders are listed in one place: litter is nobody's content, and what cannot be opened is named and not opened."""

import ast
import os
import socket
from pathlib import Path

import pytest

import cellprune
from cellprune.errors import CellpruneError
from cellprune.files import listing

LITTER = (
    ".DS_Store", "Thumbs.db", "thumbs.db", "desktop.ini", "._a.tif", "@eaDir", "__MACOSX", ".nfs0001", "~$notes.docx",
)  # fmt: skip


def test_litter_is_in_no_list(tmp_path: Path) -> None:
    for name in (*LITTER, "a.tif", ".hidden.tif"):
        (tmp_path / name).touch()
    assert [entry.name for entry in listing.listed(tmp_path)] == ["a.tif"]
    assert listing.names(tmp_path) == [".hidden.tif", "a.tif"], "a hidden file is somebody's"
    assert listing.names(tmp_path / "nowhere") == []


def test_what_is_neither_file_nor_folder_is_given_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "a.tif").touch()
    (tmp_path / "1-link.tif").symlink_to("there/a.tif")
    (tmp_path / "2-folder").symlink_to("there")
    (tmp_path / "3-lost.tif").symlink_to("nowhere.tif")
    (tmp_path / "4-loop.tif").symlink_to("4-loop.tif")
    os.mkfifo(tmp_path / "5-pipe.tif")
    (tmp_path / "6-device.tif").symlink_to("/dev/null")
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(tmp_path)  # the name of a socket must be short
        listener.bind("7-socket")
    found = listing.listed(tmp_path)
    assert [entry.kind for entry in found] == ["file", "folder", *["neither"] * 5, "folder"]
    said = [entry.fault for entry in found]
    assert "is a link to 'nowhere.tif', which is not there: bring its content" in said[2]
    assert said[3] == "is a link that leads nowhere: remove it"
    assert said[4].startswith("is a pipe, not a file, and is not opened")
    assert said[5].startswith("is a device,")
    assert said[6].startswith("is a socket,")
    assert [listing.entry(entry.path) for entry in found] == found
    assert listing.entry(tmp_path / "nowhere.tif") is None
    assert listing.entry(tmp_path / "1-link.tif" / "below") is None


def test_a_folder_that_may_not_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(CellpruneError, match=r"closed may not be read by this user: change its permissions"):
        listing.listed(tmp_path / "closed")
    monkeypatch.undo()
    (tmp_path / "a.tif").touch()
    with pytest.raises(CellpruneError, match=r"a\.tif cannot be looked at"):
        listing.listed(tmp_path / "a.tif")


OWN = {  # folders that cellprune itself fills, and patterns that a user types
    "campaign/timing.py", "data/fetch.py", "data/sets/cards.py", "experiment/shared.py", "experiment/story.py",
    "files/listing.py", "lab/gathering.py", "runs/atomic.py", "runs/finished.py", "runs/folder.py", "runs/placing.py",
    "runs/scratch.py", "runs/state.py", "search/tell/measured.py", "tables/catalogue.py", "export/package.py",
}  # fmt: skip


def test_no_other_file_lists_a_folder() -> None:
    package = Path(cellprune.__file__).parent
    ways = {"glob", "rglob", "iglob", "iterdir", "listdir", "scandir", "walk"}
    found = {
        file.relative_to(package).as_posix()
        for file in package.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ways
        if ast.unparse(node.func) != "ast.walk"
    }
    assert found <= OWN
