"""A model goes to the engines that can run it; of several the fastest is measured once, and kept."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lab_engines import Bright
from onnx_files import model_file, network_of, onnx_file

from cellprune.config.names import ENGINES
from cellprune.engines import choose, timing
from cellprune.errors import CellpruneError
from cellprune.lab.engine import engine_of
from cellprune.structure.in_turn import InTurn


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CELLPRUNE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The packages that seem to be installed: take one out."""
    there = {row.package for row in ENGINES.values()}
    monkeypatch.setattr(choose, "find_spec", lambda package: package in there or None)
    monkeypatch.setattr(choose, "version", lambda package: "1.0")
    return there


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The engines that are made, which only seem to run the network; openvino is the faster one."""
    names: list[str] = []

    def resolve(kind: str, name: str) -> Any:
        def make(model: Path, *, device: str, precision: str) -> Bright:
            names.append(name)
            engine = Bright()
            engine.running = name
            return engine

        return make

    monkeypatch.setattr(choose, "resolve", resolve)
    took = InTurn({"onnx": 3.0, "openvino": 2.0}, passes=2)
    monkeypatch.setattr(timing, "engines_in_turn", lambda engines, size_px, **_: took)
    return names


def test_the_fastest_is_taken_and_measured_once(
    installed: set[str], made: list[str], own_cache: Path, tmp_path: Path
) -> None:
    path = onnx_file(tmp_path / "a.onnx")
    assert engine_of(path).running == "openvino"
    assert made == ["onnx", "openvino"]
    (kept,) = own_cache.rglob("*.json")
    assert json.loads(kept.read_text()) == {"engine": "openvino", "milliseconds": {"onnx": 3.0, "openvino": 2.0}}
    engine_of(path)
    assert made == ["onnx", "openvino", "openvino"]
    path.write_bytes(path.read_bytes() + b"\x42\x00")  # another file, for which nothing is known
    engine_of(path)
    assert made[3:] == ["onnx", "openvino"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"engine": "torch"}', '{"engine": 3}'])
def test_a_damaged_note_is_measured_again(
    content: str, installed: set[str], made: list[str], own_cache: Path, tmp_path: Path
) -> None:
    path = onnx_file(tmp_path / "a.onnx")
    engine_of(path)
    (kept,) = own_cache.rglob("*.json")
    kept.write_text(content)
    assert engine_of(path).running == "openvino"


def test_a_cache_that_cannot_be_written_is_no_obstacle(
    installed: set[str], made: list[str], own_cache: Path, tmp_path: Path
) -> None:
    own_cache.write_text("a file where the folder should be")
    assert engine_of(onnx_file(tmp_path / "a.onnx")).running == "openvino"


def test_with_one_engine_nothing_is_measured(
    installed: set[str], made: list[str], own_cache: Path, tmp_path: Path
) -> None:
    installed.remove("openvino")
    assert engine_of(onnx_file(tmp_path / "a.onnx")).running == "onnx"
    assert not own_cache.exists()


def test_an_engine_that_cannot_run_the_file_leaves_it_to_the_other(
    installed: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolve(kind: str, name: str) -> Any:
        def make(model: Path, **_: object) -> Bright:
            if name == "onnx":
                raise CellpruneError("it cannot")
            return Bright()

        return make

    monkeypatch.setattr(choose, "resolve", resolve)
    assert isinstance(engine_of(onnx_file(tmp_path / "a.onnx")), Bright)


def test_a_model_file_and_a_network_run_in_torch(tmp_path: Path) -> None:
    for model in (model_file(tmp_path / "model.safetensors", network_of()), network_of()):
        assert engine_of(model, device="cpu").running.engine == "torch"


def test_python_takes_an_onnx_file(tmp_path: Path, installed: set[str]) -> None:
    from cellprune import predict

    installed.discard("openvino")
    image = np.random.default_rng(0).random((40, 50))
    path = onnx_file(tmp_path / "a.onnx")
    assert np.array_equal(predict(str(path), image), predict(network_with_zoom(tmp_path), image))


def network_with_zoom(tmp_path: Path) -> Path:
    return model_file(tmp_path / "model.safetensors", network_of())


@pytest.mark.parametrize(
    ("name", "missing", "options", "said"),
    [
        ("a.onnx", None, {"engine": "torch"}, "--engine torch runs no ONNX files, as .*a.onnx is one: remove --engine"),
        ("m", None, {"engine": "onnx"}, "--engine onnx runs ONNX files, which .*m is not: make .* 'cellprune export'"),
        ("m", None, {"precision": "int8"}, "--precision int8: .*m runs in torch, in float32: make an ONNX file"),
        ("m", "torch", {}, r"m needs torch, which is not installed: pip install 'cellprune\[train\]', or make an ONNX"),
        ("a.onnx", "openvino", {"engine": "openvino"}, r"needs openvino, .* pip install 'cellprune\[openvino\]'$"),
        ("a.onnx", "openvino", {"precision": "bf16"}, r"needs openvino, .* pip install 'cellprune\[openvino\]'$"),
        ("a.onnx", None, {"engine": "onyx"}, r"no engine 'onyx'\.\nDid you mean 'onnx'\?"),
    ],
)
def test_what_cannot_be_is_refused(
    name: str, missing: str | None, options: dict[str, Any], said: str, installed: set[str], tmp_path: Path
) -> None:
    installed.discard(missing)
    with pytest.raises(CellpruneError, match=said):
        engine_of(tmp_path / name, **options)
