"""The network that a search found, by the folder of the search."""

import json
from pathlib import Path

import pytest

from cellprune.errors import CellpruneError
from cellprune.runs.searched import RESULT, found_by


def search(folder: Path, **content: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / RESULT).write_text(json.dumps({"verdict": "found"} | content))
    return folder


def test_it_is_the_run_seen_from_the_folder_of_the_search_wherever_that_is(tmp_path: Path) -> None:
    (tmp_path / "runs" / "best").mkdir(parents=True)
    (tmp_path / "runs" / "best" / "model.safetensors").touch()
    folder = search(tmp_path / "search", model_file="../runs/best/model.safetensors", model="elsewhere")
    assert found_by(folder) == found_by(folder / RESULT) == (tmp_path / "runs" / "best").resolve()
    for other in (tmp_path, tmp_path / "runs" / "best", tmp_path / "nothing", tmp_path / "model.onnx"):
        assert found_by(other) == other


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"model_file": None, "verdict": "none found"}, "names no network, its verdict is 'none found': give a run"),
        ({"model_file": "../gone/model.safetensors"}, "is gone, .*gone/model.safetensors: restore its run, or train"),
        (
            {"model": "runs/best/model.safetensors"},
            "does not say where its network is: run its search again",
        ),
    ],
)
def test_a_search_without_a_network_says_so(content: dict, said: str, tmp_path: Path) -> None:
    with pytest.raises(CellpruneError, match=said):
        found_by(search(tmp_path / "search", **content))
