"""What is no finished run is told by what it is."""

from pathlib import Path

import pytest

from cellprune.errors import CellpruneError
from cellprune.models.loaded import load
from cellprune.runs.finished import finished, require_run


def test_what_is_no_finished_run_is_told_by_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "runs" / "one").mkdir(parents=True)
    (tmp_path / "runs" / "one" / "config.yaml").touch()
    (tmp_path / "images").mkdir()
    (tmp_path / "README.md").touch()
    said = {
        "nope": f"there is no {tmp_path}/nope: give the folder of a finished run",
        "images": f"{tmp_path}/images is no run: give the folder of a finished run",
        "README.md": f"{tmp_path}/README.md is no run: give the folder of a finished run",
        "runs": f"{tmp_path}/runs is a folder of runs: give the runs in it, such as {tmp_path}/runs/one",
        "runs/one": f"{tmp_path}/runs/one is not a finished run: finish it with 'cellprune train --resume'",
    }
    for name, words in said.items():
        with pytest.raises(CellpruneError) as caught:
            finished(tmp_path / name)
        assert str(caught.value) == words
        if (tmp_path / name).is_dir():  # predict and load ask for a file in it
            with pytest.raises(CellpruneError) as caught:
                load(tmp_path / name)
            assert str(caught.value) == words
    require_run(tmp_path / "runs" / "one")


def test_an_onnx_file_is_no_torch_network() -> None:
    with pytest.raises(CellpruneError, match=r"w\.onnx is an ONNX file, which holds no torch network: predict with it"):
        load("w.onnx")
