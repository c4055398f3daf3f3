"""Fetching: whole sets come in, attacks and mistakes do not, and the data root is never left half-filled."""

import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cellprune.data import fetch as module
from cellprune.data.fetch import FetchError, fetch, is_here
from cellprune.data.sets.download import digest
from cellprune.errors import CellpruneError

NAME = "PhC-C2DH-U373"


@pytest.fixture
def archive(tmp_path: Path) -> Callable[..., Path]:
    """Pack a folder under a name, with further members (name, content)."""

    def pack(folder: Path | None = None, top: str = NAME, members: dict[str, bytes] | None = None) -> Path:
        path = tmp_path / "set.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            for file in sorted(folder.rglob("*")) if folder else ():
                packed.write(file, f"{top}/{file.relative_to(folder)}")
            for name, content in (members or {}).items():
                packed.writestr(name, content)
        return path

    return pack


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


def assert_nothing_came(root: Path) -> None:
    assert not root.exists() or not list(root.iterdir())


def test_another_archive_is_taken_with_a_warning(
    cells: Path, archive: Callable[..., Path], root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert not is_here(NAME, root)
    folder = fetch(
        NAME, source=archive(cells, members={"__MACOSX/x": b"", f"{NAME}/01/._t000.tif": b""}), data_root=root
    )
    assert folder == root / NAME
    assert {p.relative_to(folder) for p in folder.rglob("*")} == {p.relative_to(cells) for p in cells.rglob("*")}
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "not the known b18185c1" in record.message
    assert is_here(NAME, root)
    assert fetch(NAME, source=None, data_root=root) == folder  # already there


def test_the_card_s_archive_needs_no_warning(
    cells: Path,
    archive: Callable[..., Path],
    root: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = archive(cells)
    card = module.known_card(NAME).model_copy(update={"sha256": digest(path)})
    monkeypatch.setattr(module, "known_card", lambda name: card)
    fetch(NAME, source=path, data_root=root)
    assert not caplog.records


@pytest.mark.parametrize("inside", [True, False])
def test_a_folder_is_taken_too(cells: Path, tmp_path: Path, root: Path, inside: bool) -> None:
    source = cells
    if inside:
        (tmp_path / "sets").mkdir()
        source = tmp_path / "sets"
        (source / NAME).symlink_to(cells)
    assert (fetch(NAME, source=source, data_root=root) / "01" / "t000.tif").is_file()


def test_content_with_errors_is_not_taken(own_cells: Path, archive: Callable[..., Path], root: Path) -> None:
    (own_cells / "01" / "t001.tif").write_bytes(b"")
    for source in (archive(own_cells), own_cells):
        with pytest.raises(FetchError, match=r"it has 1 error, the first: 01/t001\.tif is empty"):
            fetch(NAME, source=source, data_root=root)
    assert_nothing_came(root)


@pytest.mark.parametrize("member", ["../evil", f"{NAME}/../../evil", "/tmp/evil", "C:/evil", "..\\evil"])
def test_a_path_that_leads_outside_is_refused(
    cells: Path, archive: Callable[..., Path], root: Path, tmp_path: Path, member: str
) -> None:
    with pytest.raises(FetchError, match="leads out of its folder"):
        fetch(NAME, source=archive(cells, members={member: b"x"}), data_root=root)
    assert_nothing_came(root)
    assert not list(tmp_path.rglob("evil"))


def test_a_link_is_refused(archive: Callable[..., Path], cells: Path, root: Path) -> None:
    path = archive(cells)
    link = zipfile.ZipInfo(f"{NAME}/01/t099.tif")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr(link, "/etc/passwd")
    with pytest.raises(FetchError, match=r"holds the link .*t099\.tif"):
        fetch(NAME, source=path, data_root=root)
    assert_nothing_came(root)


def test_too_many_files_or_bytes_are_refused(
    archive: Callable[..., Path], cells: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = archive(cells)
    for limit in ("MAX_FILES", "MAX_BYTES"):
        with monkeypatch.context() as patched:
            patched.setattr(module, limit, 10)
            with pytest.raises(FetchError, match="holds more than"):
                fetch(NAME, source=path, data_root=root)
    monkeypatch.setattr(module, "_EXTRA_BYTES", 2**62)
    with pytest.raises(FetchError, match="has room for"):
        fetch(NAME, source=path, data_root=root)
    assert_nothing_came(root)


def claim(path: Path, n_bytes: int) -> Path:
    """Let every entry of an archive's directory, which is believed, declare a size."""
    packed, at = bytearray(path.read_bytes()), -1
    while (at := packed.find(b"PK\x01\x02", at + 1)) >= 0:
        packed[at + 24 : at + 28] = n_bytes.to_bytes(4, "little")
    path.write_bytes(packed)
    return path


def test_ten_gigabytes_of_zeros_are_refused_unread(archive: Callable[..., Path], root: Path) -> None:
    path = claim(archive(members={f"{NAME}/01/t{at:03d}.tif": b"0" * 1000 for at in range(3)}), 2**32 - 2)
    with pytest.raises(FetchError, match="holds more than"):
        fetch(NAME, source=path, data_root=root)
    assert_nothing_came(root)


def test_no_more_is_unpacked_than_an_archive_declares(archive: Callable[..., Path], root: Path) -> None:
    path = claim(archive(members={f"{NAME}/01/t000.tif": b"0" * 1_000_000}), 10)
    with pytest.raises(FetchError, match="not a whole zip archive"):
        fetch(NAME, source=path, data_root=root)
    assert_nothing_came(root)


def test_a_torn_archive_and_one_that_is_none(archive: Callable[..., Path], cells: Path, root: Path) -> None:
    path = archive(cells)
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[200] ^= 0xFF
    for content in (whole[: len(whole) // 2], b"not a zip", b"", bytes(flipped)):
        path.write_bytes(content)
        with pytest.raises(FetchError, match="not a whole zip archive"):
            fetch(NAME, source=path, data_root=root)
    assert_nothing_came(root)


def test_what_takes_memory_to_unpack_is_refused(archive: Callable[..., Path], root: Path) -> None:
    path = archive(members={f"{NAME}/01/t000.tif": b""})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_LZMA) as packed:
        packed.writestr(f"{NAME}/01/t001.tif", b"x")
    with pytest.raises(FetchError, match=r"t001\.tif', which is not deflated: zip its content again"):
        fetch(NAME, source=path, data_root=root)
    assert_nothing_came(root)


def test_names_from_an_archive_cannot_speak_to_the_terminal(archive: Callable[..., Path], root: Path) -> None:
    with pytest.raises(FetchError, match=r"holds '\\x1b\[2Jset'") as refusal:
        fetch(NAME, source=archive(members={"\x1b[2Jset/01/t000.tif": b""}), data_root=root)
    assert str(refusal.value).isprintable()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a pipe in a folder is a Unix thing")
def test_a_folder_with_what_could_be_read_for_ever_is_refused(own_cells: Path, root: Path, tmp_path: Path) -> None:
    os.mkfifo(own_cells / "01" / "t099.tif")
    with pytest.raises(FetchError, match=r"t099\.tif is neither a file nor a folder"):
        fetch(NAME, source=own_cells, data_root=root)
    with pytest.raises(FetchError, match=r"there is no .*t099\.tif"):
        fetch(NAME, source=own_cells / "01" / "t099.tif", data_root=root)
    assert_nothing_came(root)


def test_the_wrong_set_or_nothing_inside(archive: Callable[..., Path], cells: Path, tmp_path: Path, root: Path) -> None:
    with pytest.raises(FetchError, match="holds DIC-C2DH-HeLa, not PhC-C2DH-U373"):
        fetch(NAME, source=archive(cells, top="DIC-C2DH-HeLa"), data_root=root)
    with pytest.raises(FetchError, match="holds nothing, not"):
        fetch(NAME, source=archive(), data_root=root)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FetchError, match="holds neither PhC-C2DH-U373 nor sequences"):
        fetch(NAME, source=tmp_path / "empty", data_root=root)
    with pytest.raises(FetchError, match=r"there is no .*none\.zip"):
        fetch(NAME, source=tmp_path / "none.zip", data_root=root)
    assert_nothing_came(root)


def test_an_unknown_name_is_answered_with_the_nearest(root: Path) -> None:
    with pytest.raises(CellpruneError, match="Did you mean 'DIC-C2DH-HeLa'"):
        fetch("DIC-C2DH-Hela", source=None, data_root=root)


def test_simulated_cells_need_no_source(data_root: Path) -> None:
    assert fetch("simulated", source=None, data_root=data_root) == data_root / "simulated-v1"
