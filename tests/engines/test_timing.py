"""Engines are measured in turn, by the time of the processor, and what is slow by chance does not count."""

from itertools import count

import pytest
from lab_engines import Bright

from cellprune.engines import timing


def test_passes_alternate_and_the_first_of_each_warms_up() -> None:
    calls: list[str] = []
    clocks = {"a": iter([900.0, 4.0, 1.0, 2.0, 3.0, 5.0]), "b": iter([900.0, 8.0, 8.0, 8.0, 8.0, 8.0])}

    def measure(name: str) -> float:
        calls.append(name)
        return next(clocks[name])

    times = timing.in_turn({name: lambda name=name: measure(name) for name in clocks}, passes=5, least_s=0)
    assert calls == ["a", "b"] * 6
    assert times == timing.Times({"a": 2.0, "b": 8.0}, passes=5)


def test_short_passes_are_repeated_for_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = count()
    monkeypatch.setattr(timing, "perf_counter", lambda: next(clock))
    assert timing.in_turn({"a": lambda: 1.0}, passes=2, least_s=6).passes == 7


def test_an_engine_is_measured_by_the_time_of_its_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = count(step=0.5)  # seconds, of which each pass takes one reading
    monkeypatch.setattr(timing, "process_time", lambda: next(clock))
    engines = {"a": Bright(), "b": Bright(channels=2)}
    times = timing.milliseconds(engines, (20, 30), passes=3, least_s=0)
    assert times.milliseconds == {"a": 250.0, "b": 250.0}  # of two threads
    assert engines["a"].seen == [(1, 1, 20, 30)] * 4
    assert engines["b"].seen == [(1, 2, 20, 30)] * 4
