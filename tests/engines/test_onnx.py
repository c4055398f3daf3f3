"""ONNX Runtime gives what torch gives, and says in one line what it cannot run."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from lab_engines import spots
from onnx_files import network_of, onnx_file

from cellprune.config.names import TARGETS
from cellprune.engines import onnx as onnx_engine
from cellprune.engines import torch as torch_engine
from cellprune.errors import CellpruneError, WorkError
from cellprune.export.onnx import with_header
from cellprune.lab.segment import cells_in, class_map
from cellprune.runs import onnxfile
from cellprune.runs.modelcard import ModelCard
from cellprune.targets.decoders import CellSize, decoder_of

SIZES = [(2, 90), (3, 5), (33, 21), (64, 64)]


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("norm", ["batch", "group", "instance", "none"])
def test_every_u_net_gives_torchs_maps_at_any_size(norm: str, padding: str, tmp_path: Path) -> None:
    network = network_of(norm=norm, padding=padding, channels=2, classes=3)
    torchs = torch_engine.engine(network, device="cpu")
    ours = onnx_engine.engine(onnx_file(tmp_path / "a.onnx", network))
    rng = np.random.default_rng(0)
    for size in SIZES:
        images = rng.standard_normal((2, 2, *size), np.float32)
        np.testing.assert_allclose(ours(images), torchs(images), atol=2e-5)
        assert [ours.input_size(n) for n in size] == [torchs.input_size(n) for n in size]
    assert ours.receptive_field == torchs.receptive_field
    assert ours.bytes_per_pixel == torchs.bytes_per_pixel
    assert ours.card.in_channels == 2


@pytest.mark.parametrize("target", ["border", "distance"])
def test_maps_of_every_target_and_their_cells_are_torchs(target: str, tmp_path: Path) -> None:
    """What is no probability is given as it is."""
    network = deepcopy(network_of(classes=len(TARGETS[target].maps)))
    decoding = ModelCard.model_validate({**network.header, "target": target, "classes": ("background", "cell")})
    decoding = decoding.with_cells(CellSize(60, 4)).decoding()
    network.__dict__["header"] = {**network.header, **decoding, "classes": ["background", "cell"]}
    torchs = torch_engine.engine(network, device="cpu")
    ours = onnx_engine.engine(onnx_file(tmp_path / "a.onnx", network))
    images = np.random.default_rng(0).standard_normal((1, 1, 64, 64), np.float32)
    np.testing.assert_allclose(ours(images), torchs(images), atol=2e-5)
    assert np.allclose(ours(images).sum(1), 1) == (target == "border")
    assert ours.card.usual_decoder == decoder_of(target, CellSize(60, 4))
    assert np.array_equal(cells_in(ours, images[0]).labels, cells_in(torchs, images[0]).labels)


@pytest.mark.slow
@pytest.mark.parametrize(("norm", "padding"), [("batch", "same"), ("group", "same"), ("batch", "valid")])
def test_classes_are_torchs_whole_and_in_tiles(norm: str, padding: str, tmp_path: Path) -> None:
    network = network_of(norm=norm, padding=padding, depth=1)
    torchs = torch_engine.engine(network, device="cpu")
    ours = onnx_engine.engine(onnx_file(tmp_path / "a.onnx", network))
    image = np.random.default_rng(0).normal(0, 8, (1, 150, 170)).astype(np.float32)
    image += spots((150, 170), [(30, 40, 50, 60), (90, 100, 50, 60)])
    for memory in (2**31, 1):
        maps = class_map(ours, image, memory_bytes=memory)
        assert np.array_equal(maps, class_map(torchs, image, memory_bytes=memory))
        assert 0.05 < maps.mean() < 0.95, "an empty answer proves nothing"


def test_an_image_of_one_pixel_is_refused_as_by_torch(tmp_path: Path) -> None:
    ours = onnx_engine.engine(onnx_file(tmp_path / "a.onnx"))
    with pytest.raises(CellpruneError, match="an image of 1 x 8 px is too small to mirror"):
        ours(np.zeros((1, 1, 1, 8), np.float32))


def test_it_says_by_what_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    running = onnx_engine.engine(onnx_file(tmp_path / "a.onnx")).running
    assert (running.engine, running.precision, running.device, running.threads) == ("onnx", "fp32", "cpu", 1)
    assert running.versions.keys() == {"onnxruntime"}


def changed(path: Path, **header: Any) -> Path:
    path.write_bytes(with_header(path.read_bytes(), onnxfile.read_header(path) | header))
    return path


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"classes": ["background", "cell", "debris"], "architecture": {"in_channels": 1}}, "says 3 classes, .* has 2"),
        ({"architecture": {"in_channels": 3}}, "says 3 channels, its network has 1: export it again"),
        ({"input_sizes": None}, "does not say which sizes"),
        ({"bytes_per_pixel": None}, "does not say which sizes or how much memory"),
        ({"zoom": [0, 1]}, "cannot be used for predicting .zoom"),
        ({"output": "class"}, "gives a class for a whole image"),
    ],
)
def test_a_card_of_another_network_is_refused(header: dict[str, Any], said: str, tmp_path: Path) -> None:
    path = changed(onnx_file(tmp_path / "a.onnx"), **header)
    with pytest.raises(CellpruneError, match=said):
        onnx_engine.engine(path)


def test_an_operator_that_it_does_not_know_is_one_line(tmp_path: Path) -> None:
    path = onnx_file(tmp_path / "a.onnx")
    model = onnx.load(path)
    model.graph.node[0].op_type, model.graph.node[0].domain = "Convolve", "of.another.house"
    model.opset_import.append(onnx.helper.make_opsetid("of.another.house", 1))
    onnx.save(model, path)
    with pytest.raises(CellpruneError, match=r"ONNX Runtime .* cannot run .*a\.onnx \(.*update onnxruntime") as refused:
        onnx_engine.engine(path)
    assert "\n" not in str(refused.value)


def test_weights_that_lie_in_another_file_are_not_read(tmp_path: Path) -> None:
    path = onnx_file(tmp_path / "a.onnx")
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="secret.bin", size_threshold=0)
    assert (tmp_path / "secret.bin").exists()
    with pytest.raises(CellpruneError, match="cannot run"):
        onnx_engine.engine(path)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"device": "cuda"}, "--device cuda: ONNX Runtime runs on the CPU"),
        ({"precision": "int8"}, "is in float32: make one with 'cellprune export RUN --int8"),
        ({"precision": "bf16"}, "float32 or int8: add --engine openvino"),
    ],
)
def test_what_it_cannot_do_is_refused(options: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(CellpruneError, match=said):
        onnx_engine.engine(onnx_file(tmp_path / "a.onnx"), **options)


def test_int8_is_not_taken_unasked(tmp_path: Path) -> None:
    path = changed(onnx_file(tmp_path / "a.onnx"), precision="int8")
    with pytest.raises(CellpruneError, match=r"a\.onnx computes in int8.*: add --precision int8"):
        onnx_engine.engine(path)
    assert onnx_engine.engine(path, precision="int8").running.precision == "int8"


def test_scarce_memory_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = onnx_engine.engine(onnx_file(tmp_path / "a.onnx"))

    class Full:
        def run(self, *_: object) -> None:
            raise RuntimeError("Failed to allocate memory for requested buffer of size 4000000000")

    monkeypatch.setattr(ours, "_session", Full())
    with pytest.raises(WorkError, match="memory of cpu does not suffice for 64 x 64 px at once"):
        ours(np.zeros((1, 1, 64, 64), np.float32))
