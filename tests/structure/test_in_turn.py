"""Passes take turns after one that does not count, and short ones are repeated more often."""

import pytest

from cellprune.structure.in_turn import in_turn


def test_networks_are_timed_in_turn_after_one_pass_that_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    now = [0.0]
    takes = {"slow": iter([9.0, 4, 1, 2, 3]), "fast": iter([9.0, 0.5, 0.5, 0.5, 80])}
    monkeypatch.setattr("cellprune.structure.in_turn.process_time", lambda: now[0])

    def work(name: str) -> None:
        said.append(name)
        now[0] += next(takes[name])

    took = in_turn({name: lambda name=name: work(name) for name in takes}, threads=2, passes=4, least_s=0)
    assert said == ["slow", "fast"] * 5
    assert took.passes == 4
    assert took.milliseconds == {"slow": 1000 * 1.75 / 2, "fast": 250.0}, "the lower quartile, of one of two threads"


def test_short_passes_are_repeated_more_often() -> None:
    assert in_turn({"nothing": lambda: None}, threads=1, passes=1, least_s=0.01).passes > 1
