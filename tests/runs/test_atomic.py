"""Files are there whole or not at all."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cellprune.errors import WorkError
from cellprune.runs import atomic, container, documents, log


def test_bytes_and_text_come_back_as_they_were(tmp_path: Path) -> None:
    atomic.write_bytes(tmp_path / "bytes", b"\r\n\x00")
    atomic.write_text(tmp_path / "text", "µm\r\n")
    assert (tmp_path / "bytes").read_bytes() == b"\r\n\x00"
    assert (tmp_path / "text").read_bytes() == "µm\r\n".encode()
    assert {path.name for path in tmp_path.iterdir()} == {"bytes", "text"}


def test_names_that_are_no_text_come_back_from_every_kind_of_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # pytest keeps what reaches the root, and its workers cannot send such a name to each other
    monkeypatch.setattr(log.LOGGER, "propagate", False)
    content = {"image": "caf\udce9 ü.tif"}
    documents.write_json(tmp_path / "x.json", content)
    documents.write_yaml(tmp_path / "x.yaml", content)
    documents.write_table(tmp_path / "x.csv", [content])
    assert documents.read_json(tmp_path / "x.json") == content
    assert documents.read_yaml(tmp_path / "x.yaml") == content
    assert documents.read_table(tmp_path / "x.csv") == [{"image": r"caf\udce9 ü.tif"}]
    with log.kept(tmp_path / "log.txt"):
        log.LOGGER.warning("%s", content["image"])
    assert (tmp_path / "log.txt").read_text(encoding="utf-8").endswith("caf\\udce9 ü.tif\n")


def test_a_writer_that_fails_leaves_the_old_content_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    atomic.write_text(path, "old")

    def fail_half_way() -> None:
        with atomic.replacing(path) as beside:
            beside.write_text("ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_half_way()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(WorkError, match=r"could not write .*absent.file \(No such file or directory\)"):
        atomic.write_text(tmp_path / "absent" / "file", "")


FILL_THE_DISK = """
import resource, sys
from pathlib import Path
import numpy as np
from cellprune.errors import WorkError
from cellprune.runs import atomic, container
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
folder = Path(sys.argv[1])
for write in (
    lambda: atomic.write_bytes(folder / "file", bytes(2000)),
    lambda: container.write(folder / "file", {"a": np.zeros(2000)}, kind="masks", version=1, note={}),
):
    try:
        write()
    except WorkError as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a limit on file size is a Unix thing")
def test_a_file_that_finds_no_room_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    told = subprocess.run([sys.executable, "-c", FILL_THE_DISK, tmp_path], capture_output=True, text=True, check=True)
    assert told.stdout.count("could not write") == 2, told.stdout
    assert told.stdout.count("--resume") == 2
    assert (tmp_path / "file").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_files_have_the_rights_that_files_have_here(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    atomic.write_text(tmp_path / "text", "")
    container.write(tmp_path / "tensors", {"a": np.zeros(2)}, kind="masks", version=1, note={})
    assert len({path.stat().st_mode for path in tmp_path.iterdir()}) == 1


def test_sweep_removes_leftovers_of_killed_writers_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("whole")
    (tmp_path / ".hidden").write_text("a user's")
    code = (
        "import os, sys; from pathlib import Path; from cellprune.runs import atomic\n"
        "with atomic.replacing(Path(sys.argv[1]) / 'file') as beside: beside.write_text('ha'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path], check=False)
    assert len([path for path in tmp_path.iterdir() if atomic.is_partial(path.name)]) == 1
    atomic.sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"file", ".hidden"}
    assert (tmp_path / "file").read_text() == "whole"
