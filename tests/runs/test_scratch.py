"""Folders for a while are gone afterwards, whatever became of their process."""

import subprocess
import sys
from pathlib import Path

import pytest

from cellprune.runs import scratch

KILLED = """
import os, sys
from pathlib import Path
from cellprune.runs import scratch
with scratch.made(Path(sys.argv[1]), "set") as folder:
    (folder / "file").write_text("x")
    os.kill(os.getpid(), 9)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_it_is_gone_afterwards_whatever_happens(tmp_path: Path) -> None:
    with scratch.made(tmp_path, "set") as folder:
        (folder / "file").write_text("x")
        assert len(names(tmp_path)) == 2
    with pytest.raises(KeyboardInterrupt), scratch.made(tmp_path, "set"):
        raise KeyboardInterrupt
    assert not names(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a Unix thing")
def test_what_a_killed_process_left_is_removed_by_the_next_and_what_is_at_work_stays(tmp_path: Path) -> None:
    (tmp_path / ".set.12345.partial").mkdir()  # as older versions left it
    (tmp_path / ".other.12345.partial").mkdir()
    (tmp_path / ".set.hidden").mkdir()
    subprocess.run([sys.executable, "-c", KILLED, tmp_path], check=False)
    assert len(names(tmp_path)) == 4, "the older one went, its own stays"
    with scratch.made(tmp_path, "set") as first:
        (first / "file").write_text("x")
        with scratch.made(tmp_path, "set") as second:
            assert (first / "file").exists()
            assert second != first
            assert len(names(tmp_path)) == 6
    assert names(tmp_path) == [".other.12345.partial", ".set.hidden"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_what_others_laid_out_in_a_folder_for_all_is_left_alone(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "file").write_text("x")
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / ".set.1.partial").symlink_to(theirs)
    (shared / ".set.2.partial").mkdir()
    (shared / ".set.2.partial.lock").symlink_to(theirs / "file")
    before = names(shared)
    with scratch.made(shared, "set"):
        pass
    assert names(shared) == before
    assert (theirs / "file").read_text() == "x"
