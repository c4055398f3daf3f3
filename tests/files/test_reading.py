"""Files that anyone may name: regular ones alone, and no more of them than their purpose needs."""

import errno
import os
from pathlib import Path

import pytest

from cellprune.files import reading


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("zwölf", encoding="utf-8")
    assert reading.size_of(tmp_path / "a", most=6) == 6
    assert reading.text_of(tmp_path / "a", most=6) == "zwölf"
    for read in (reading.size_of, reading.text_of):
        with pytest.raises(OSError, match="it has 6 bytes, and at most 5 are read") as refusal:
            read(tmp_path / "a", most=5)
        assert refusal.value.errno == errno.EFBIG
        assert refusal.value.filename == str(tmp_path / "a")


def test_a_link_is_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("text")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert reading.text_of(tmp_path / "link", most=4) == "text"
    (tmp_path / "a").unlink()
    with pytest.raises(FileNotFoundError):
        reading.size_of(tmp_path / "link", most=4)


def test_folders_pipes_and_devices_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        reading.text_of(tmp_path, most=10**6)
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/null")):
        with pytest.raises(OSError, match="it is a pipe or a device, and no file"):
            reading.text_of(path, most=10)


def test_what_says_no_size_is_still_cut(tmp_path: Path) -> None:
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("only Linux has files that say no size")
    assert status.stat().st_size == 0
    with pytest.raises(OSError, match="at most 10 bytes of it are read"):
        reading.text_of(status, most=10)


def test_what_is_no_text_is_said_by_the_decoder(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xff")
    with pytest.raises(UnicodeDecodeError):
        reading.text_of(tmp_path / "a", most=1)
