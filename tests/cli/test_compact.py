"""`cellprune compact` as a user types it."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import typed
from onnx_files import model_file, network_of, onnx_file

from cellprune.runs.folder import Folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return model_file(tmp_path / "model.safetensors", network_of())


def test_people_read_what_became_smaller(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("compact", model, "-o", tmp_path / "small.safetensors") == 0
    first, *rows = capsys.readouterr().out.splitlines()
    assert first == f"{tmp_path}/small.safetensors: the same function, compared on random images"
    assert [row.split()[0] for row in rows] == ["parameters", "multiply-adds", "file"]
    assert rows[0].endswith("(100 %)"), "of a dense network nothing can go"


def test_the_folder_of_a_search_stands_for_the_network_that_it_found(
    model: Path, tmp_path: Path, make_run: Callable[..., Folder], capsys: pytest.CaptureFixture[str]
) -> None:
    run, search = make_run("run", n_images=1), tmp_path / "search"
    shutil.copy(model, run.file("model"))
    search.mkdir()
    (search / "search.json").write_text(json.dumps({"verdict": "found", "model_file": "../run/model.safetensors"}))
    assert typed("compact", search, "-o", tmp_path / "small.safetensors") == 0
    assert (tmp_path / "small.safetensors").is_file()
    (search / "search.json").write_text(json.dumps({"verdict": "none found", "model_file": None}))
    assert typed("compact", search, "-o", tmp_path / "none.safetensors") == 2
    assert "names no network, its verdict is 'none found': give a run" in capsys.readouterr().err


def test_programs_read_one_object(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("compact", model, "-o", tmp_path / "small.safetensors", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["output"] == f"{tmp_path}/small.safetensors"
    assert said["before"].keys() == said["after"].keys() == {"parameters", "macs", "bytes"}
    assert (said["stayed"], said["stopped_by"]) == ([], [])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["model.safetensors", "-o", "a.pt"], "--output 'a.pt' is no model file: give a name that ends in"),
        (["model.safetensors", "-o", "model.safetensors"], "model.safetensors is there already: give another --output"),
        (["model.safetensors", "-o", "nowhere/a.safetensors"], "there is no folder 'nowhere'"),
        (["none", "-o", "a.safetensors"], "none cannot be read (No such file or directory): check the path"),
        (["begun", "-o", "a.safetensors"], "begun is not a finished run: finish it with"),
        (["b.onnx", "-o", "a.safetensors"], "b.onnx is an ONNX file: give the run or the model file that it was"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_any_work(
    words: list[str], said: str, model: Path, make_run: Callable[..., Folder], capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(model.parent)
    onnx_file(Path("b.onnx"))
    begun = make_run("begun", n_images=1)
    begun.write_provenance(replace(begun.read_provenance(), finished=None))
    assert typed("compact", *words) == 2
    assert said in capsys.readouterr().err
    assert not Path("a.safetensors").exists()
