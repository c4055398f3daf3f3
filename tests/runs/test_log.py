"""The run's log: whole lines, and a disk that is full is one of them."""

import logging
import os
from pathlib import Path

import pytest

from cellprune.errors import CellpruneError, WorkError
from cellprune.runs import log


def test_a_line_stays_one_whatever_it_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # pytest keeps what reaches the root, and its workers cannot send such a name to each other
    monkeypatch.setattr(log.LOGGER, "propagate", False)
    with log.kept(tmp_path / "log.txt"):
        log.LOGGER.warning("%s is damaged", "a\n\x1b[31m\udcff" + "x" * 10**6)
    [line] = (tmp_path / "log.txt").read_text().splitlines()
    assert "WARNING a\\n\\x1b[31m\\udcffxxx" in line
    assert line.endswith("is damaged")
    assert len(line) < 2000


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
def test_a_full_disk_is_one_line_and_ends_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logging.FileHandler, "_open", lambda _: open("/dev/full", "w"))  # noqa: SIM115 (it closes it)
    told = r"could not write .*log.txt \(No space left on device\): free space"
    with pytest.raises(WorkError, match=told), log.kept(tmp_path / "log.txt"):
        log.LOGGER.warning("something")
    assert capsys.readouterr().err == ""


def test_a_pipe_in_its_place_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log.txt")
    with pytest.raises(CellpruneError, match="is not a file"), log.kept(tmp_path / "log.txt"):
        log.LOGGER.warning("would wait for a reader")
