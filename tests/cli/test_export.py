"""`cellprune export` as a user types it."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from command_line import typed
from onnx_files import model_file, network_of

from cellprune.export import export as exporting
from cellprune.runs import onnxfile
from cellprune.runs.folder import Folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return model_file(tmp_path / "model.safetensors", network_of())


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for at in range(3):
        image = np.random.default_rng(at).integers(0, 255, (80, 90)).astype(np.uint8)
        tifffile.imwrite(folder / f"a{at}.tif", image)
    return folder


def test_the_file_is_compared_and_says_so(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("export", model, "-o", tmp_path / "a.onnx", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["precision"], said["compared_on"], said["images"]) == ("fp32", "simulated cells", 4)
    assert said["bytes"] == (tmp_path / "a.onnx").stat().st_size
    ours = said["parity"][0]
    assert (ours["engine"], ours["precision"], ours["n_differing"], ours["ppm"]) == ("onnx", "fp32", 0, 0)
    assert onnxfile.read_header(tmp_path / "a.onnx")["parity"] == said["parity"]
    assert [path.name for path in tmp_path.iterdir() if ".onnx" in path.name] == ["a.onnx"]


def test_people_read_one_line_per_engine(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("export", model, "-o", tmp_path / "a.onnx") == 0
    first, *rows = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{tmp_path}/a.onnx: fp32, ")
    assert rows[0].startswith("  onnx fp32      0 of ")


def test_int8_takes_its_ranges_from_a_folder(
    model: Path, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(exporting.parity.__globals__["LIMITS_PPM"], "int8", 100_000)  # of an untrained network
    assert typed("export", model, "--int8", "--calibrate", images, "-o", tmp_path / "a.onnx", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["precision"], said["compared_on"]) == ("int8", "images that the ranges are from")
    assert {row["precision"] for row in said["parity"]} == {"int8"}
    assert onnxfile.read_header(tmp_path / "a.onnx")["precision"] == "int8"


def test_another_network_is_not_left_at_the_name(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    true = exporting.reference
    monkeypatch.setattr(exporting, "reference", lambda *given: [1 - classes for classes in true(*given)])
    assert typed("export", model, "-o", tmp_path / "a.onnx") == 1
    assert "1,000,000 of a million pixels have another class than in torch; 10 are allowed; no file was made" in (
        capsys.readouterr().err
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.safetensors"]


def test_a_precision_that_this_network_suffers_from_is_warned_of(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    openvino = pytest.importorskip("cellprune.engines.openvino", exc_type=ImportError)
    if not openvino.has_bf16():
        pytest.skip("this processor has no bf16")
    monkeypatch.setitem(exporting.parity.__globals__["LIMITS_PPM"], "bf16", -1)
    assert typed("export", model, "-o", tmp_path / "a.onnx") == 0
    assert "warning: --precision bf16 with this network: " in capsys.readouterr().err
    assert (tmp_path / "a.onnx").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-o", "a.pt"], "--output 'a.pt' is no ONNX file: give a name that ends in .onnx"),
        (["-o", "there.onnx"], "there.onnx is there already: give another --output"),
        (["-o", "nowhere/a.onnx"], "there is no folder 'nowhere'"),
        (
            ["-o", "a.onnx", "--int8"],
            "int8 takes the ranges of a network's numbers from images: add --calibrate FOLDER",
        ),
        (["-o", "a.onnx", "--calibrate", "images/"], "--calibrate images/ is for int8 and packages: add --int8"),
        (["-o", "a.onnx", "--int8", "--calibrate", "./none"], "no file or folder './none'"),
        (["-o", "a.onnx", "--int8", "--calibrate", "none"], "no data set 'none'"),
        (["-o", "a.onnx", "--int8", "--calibrate", "./two"], "has 2 channels, the model takes 1: give others"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(
    words: list[str], said: str, model: Path, images: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(model.parent)
    Path("there.onnx").touch()
    Path("two").mkdir()
    both = np.random.default_rng(0).integers(0, 255, (2, 20, 20)).astype(np.uint8)
    tifffile.imwrite("two/a.tif", both, photometric="minisblack", metadata={"axes": "CYX"})
    assert typed("export", model, *words) == 2
    assert said in capsys.readouterr().err
    assert not Path("a.onnx").exists()


def test_an_unfinished_run_and_a_classifier_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Folder(tmp_path / "run")
    run.path.mkdir()
    run.write_config({})
    for more in ([], ["--int8"]):
        assert typed("export", run.path, "-o", tmp_path / "a.onnx", *more) == 2
        assert "is not a finished run: finish it with 'cellprune train --resume'" in capsys.readouterr().err
    network = network_of()
    classifier = torch.nn.Module()
    classifier.__dict__["header"] = network.header | {"output": "class"}
    classifier.state_dict = network.state_dict
    path = model_file(tmp_path / "class.safetensors", classifier)
    assert typed("export", path, "-o", tmp_path / "a.onnx") == 2
    assert f"{path} gives a class for a whole image" in capsys.readouterr().err, "the file is named"
