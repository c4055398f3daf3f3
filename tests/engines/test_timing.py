"""Milliseconds of passes: in turn, often enough, and the same work takes the same time by every clock."""

from itertools import count

import numpy as np
import pytest
import torch
from lab_engines import Bright
from torch import nn

from cellprune.engines import onnx, openvino
from cellprune.engines.timing import engines_in_turn, in_turn
from cellprune.export.tracing import traced


def test_networks_are_timed_in_turn_after_one_pass_that_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    now = [0.0]
    takes = {"slow": iter([9.0, 4, 1, 2, 3]), "fast": iter([9.0, 0.5, 0.5, 0.5, 80])}
    monkeypatch.setattr("cellprune.engines.timing.process_time", lambda: now[0])

    def work(name: str) -> None:
        said.append(name)
        now[0] += next(takes[name])

    took = in_turn({name: lambda name=name: work(name) for name in takes}, threads=2, passes=4, least_s=0)
    assert said == ["slow", "fast"] * 5
    assert took.passes == 4
    assert took.milliseconds == {"slow": 1000 * 1.75 / 2, "fast": 250.0}, "the lower quartile, of one of two threads"


def test_short_passes_are_repeated_more_often() -> None:
    assert in_turn({"nothing": lambda: None}, threads=1, passes=1, least_s=0.01).passes > 1


def test_engines_are_timed_on_one_image_by_their_own_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = count(step=0.5)  # seconds, of which each pass takes one reading
    monkeypatch.setattr("cellprune.engines.timing.process_time", lambda: next(clock))
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
