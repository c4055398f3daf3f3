"""Eight bits: a quarter of the bytes, near the same classes, the ranges of given images."""

import logging
from pathlib import Path

import numpy as np
import pytest
from onnx_files import network_of, onnx_file

from cellprune.engines import onnx as onnx_engine
from cellprune.engines.onnxcard import card_of
from cellprune.export.int8 import quantized
from cellprune.export.onnx import with_header
from cellprune.lab.segment import class_map
from cellprune.runs import onnxfile


@pytest.mark.parametrize("padding", ["same", pytest.param("valid", marks=pytest.mark.slow)])
def test_a_network_in_int8_is_smaller_and_near_the_same(
    padding: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = onnx_file(tmp_path / "a.onnx", network_of(width=16, depth=2, padding=padding))
    images = [np.random.default_rng(k).normal(0, 8, (1, 70, 90)).astype(np.float32) for k in range(3)]
    card, sizes = card_of(path)
    small = quantized(path.read_bytes(), card, sizes, images)
    assert len(small) < 0.4 * path.stat().st_size
    assert not caplog.records, "the library's advice is kept back"
    logging.getLogger().warning("and only while it works")
    assert len(caplog.records) == 1
    other = tmp_path / "b.onnx"
    other.write_bytes(with_header(small, onnxfile.read_header(path) | {"precision": "int8"}))
    floats, ints = onnx_engine.engine(path), onnx_engine.engine(other, precision="int8")
    ours, theirs = class_map(ints, images[0]), class_map(floats, images[0])
    assert 0 < (ours != theirs).mean() < 0.05
