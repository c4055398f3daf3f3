"""On the real sets every engine gives torch's label images, within the limits that an export is held to."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from command_line import typed

from cellprune.engines import onnx as onnx_engine
from cellprune.engines import torch as torch_engine
from cellprune.export.parity import LIMITS_PPM
from cellprune.images.read import read_image
from cellprune.lab.engine import Engine
from cellprune.lab.segment import class_map

pytestmark = pytest.mark.slow

EPOCHS = 2  # enough for outlines; what counts is that all engines draw the same ones


@pytest.mark.parametrize("dataset", ["PhC-C2DH-U373", "DIC-C2DH-HeLa"])
def test_classes_are_torchs(dataset: str, real_root: Path, tmp_path: Path) -> None:
    root = ["--data-root", real_root]
    training = ["--model.width", "8", "--epochs", EPOCHS, "--prune", "0.5", "--method", "random"]
    assert typed("train", "--dataset", dataset, *training, *root, "-o", tmp_path / "run") == 0
    assert typed("export", tmp_path / "run", *root, "-o", tmp_path / "a.onnx") == 0
    images = [read_image(path) for path in sorted((real_root / dataset / "01").glob("*.tif"))[::15]]
    torchs = torch_engine.engine(tmp_path / "run", device="cpu")
    expected = [class_map(torchs, image) for image in images]
    n_pixels = sum(classes.size for classes in expected)
    assert 0.005 < np.mean([classes.mean() for classes in expected]) < 0.9, "an empty answer proves nothing"
    for engine in engines(tmp_path / "a.onnx"):
        maps = [class_map(engine, image) for image in images]
        differing = sum(int((ours != theirs).sum()) for ours, theirs in zip(maps, expected, strict=True))
        assert differing <= LIMITS_PPM["fp32"] * n_pixels / 1e6, engine.running


def engines(path: Path) -> list[Engine]:
    made: list[Engine] = [onnx_engine.engine(path)]
    if find_spec("openvino"):
        from cellprune.engines import openvino

        made.append(openvino.engine(path))
    return made
