"""Milliseconds of engines on one image, and passes of bare networks."""

from itertools import count

import numpy as np
import pytest
import torch
from lab_engines import Bright
from torch import nn

from cellprune.engines import onnx, openvino
from cellprune.engines.timing import engines_in_turn
from cellprune.export.tracing import traced


def test_engines_are_timed_on_one_image_by_their_own_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = count(step=0.5)  # seconds, of which each pass takes one reading
    monkeypatch.setattr("cellprune.structure.in_turn.process_time", lambda: next(clock))
    engines = {"a": Bright(), "b": Bright(channels=2)}
    assert engines_in_turn(engines, (20, 30), passes=3).milliseconds == {"a": 250.0, "b": 250.0}, "of two threads"
    assert engines["a"].seen == [(1, 1, 20, 30)] * 4
    assert engines["b"].seen == [(1, 2, 20, 30)] * 4


@pytest.mark.parametrize("engine", [onnx, openvino])
def test_a_bare_network_makes_a_pass(engine) -> None:
    layer = nn.Conv2d(3, 4, 3, padding="same").eval()
    images = torch.randn(1, 3, 12, 10)
    result = engine.pass_of(traced(layer, images), images.numpy())()[0]
    assert np.allclose(result, layer(images).detach().numpy(), atol=1e-5)
