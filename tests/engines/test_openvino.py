"""OpenVINO gives what torch gives, in a precision that is always said."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx_files import network_of, onnx_file

from cellprune.engines import torch as torch_engine
from cellprune.errors import CellpruneError

pytest.importorskip("openvino", reason="OpenVINO is an extra: pip install 'cellprune[openvino]'")

from cellprune.engines import openvino as openvino_engine


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_it_gives_torchs_maps_at_any_size(padding: str, tmp_path: Path) -> None:
    network = network_of(norm="batch", padding=padding, channels=2, classes=3)
    torchs = torch_engine.engine(network, device="cpu")
    ours = openvino_engine.engine(onnx_file(tmp_path / "a.onnx", network))
    for size in [(3, 5), (33, 21), (64, 64), (33, 21)]:
        images = np.random.default_rng(0).standard_normal((2, 2, *size), np.float32)
        maps = ours(images)
        np.testing.assert_allclose(maps, torchs(images), atol=2e-5)
    kept = maps.copy()
    ours(images + 1)
    assert np.array_equal(maps, kept), "a result is not written over by the next"


def test_the_precision_is_said_to_openvino_and_recorded(tmp_path: Path) -> None:
    path = onnx_file(tmp_path / "a.onnx")
    ours = openvino_engine.engine(path)
    hint = ours._compiled((1, 1, 64, 64)).get_property("INFERENCE_PRECISION_HINT")
    assert (hint.to_string(), ours.running.precision) == ("f32", "fp32")
    if openvino_engine.has_bf16():
        half = openvino_engine.engine(path, precision="bf16")
        hint = half._compiled((1, 1, 64, 64)).get_property("INFERENCE_PRECISION_HINT")
        assert (hint.to_string(), half.running.precision) == ("bf16", "bf16")
        image = np.random.default_rng(0).standard_normal((1, 1, 64, 64), np.float32)
        assert 0 < np.abs(half(image) - ours(image)).max() < 0.1


def test_a_processor_without_bf16_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino_engine, "has_bf16", lambda: False)
    with pytest.raises(
        CellpruneError, match=r"--precision bf16: this processor \(.+\) has no bf16: remove --precision"
    ):
        openvino_engine.engine(onnx_file(tmp_path / "a.onnx"), precision="bf16")


def test_a_signal_is_survived_whichever_engine_ends_first(tmp_path: Path) -> None:
    program = f"""
import gc, signal
import numpy as np
from cellprune.engines import openvino
signal.signal(signal.SIGUSR1, lambda number, frame: None)
engines = [openvino.engine({str(onnx_file(tmp_path / "a.onnx"))!r}) for _ in range(2)]
maps = [engine(np.zeros((1, 1, 8, 8), np.float32)) for engine in engines]
while engines:
    engines.pop(0)
    gc.collect()
signal.raise_signal(signal.SIGUSR1)
"""
    assert subprocess.run([sys.executable, "-X", "faulthandler", "-c", program]).returncode == 0


def test_only_some_sizes_are_kept_compiled(tmp_path: Path) -> None:
    ours = openvino_engine.engine(onnx_file(tmp_path / "a.onnx"))
    for side in range(8, 8 * 14, 8):
        ours(np.zeros((1, 1, side, 8), np.float32))
    assert ours._compiled.cache_info().currsize == openvino_engine._KEPT


def test_a_file_that_is_damaged_within_is_one_line(tmp_path: Path) -> None:
    import onnx

    path = onnx_file(tmp_path / "a.onnx")
    model = onnx.load(path)
    model.graph.node[0].op_type = "Convolve"
    onnx.save(model, path)
    with pytest.raises(CellpruneError, match=r"OpenVINO .* cannot run .*a\.onnx \(.*take --engine onnx") as refused:
        openvino_engine.engine(path)
    assert "\n" not in str(refused.value)


def test_a_network_without_such_maps_is_refused(tmp_path: Path) -> None:
    from cellprune.export.onnx import with_header
    from cellprune.runs import onnxfile

    path = onnx_file(tmp_path / "a.onnx", network_of())
    header = onnxfile.read_header(path) | {"architecture": {"in_channels": 3}}
    path.write_bytes(with_header(path.read_bytes(), header))
    with pytest.raises(CellpruneError, match="says 3 channels, its network has 1"):
        openvino_engine.engine(path)
