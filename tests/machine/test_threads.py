"""How many threads an engine may use: what the environment says, else the cores of this process."""

import os

import pytest

from cellprune.machine import threads


@pytest.mark.parametrize(("said", "n"), [("3", 3), ("4,2", 4), (" 5 ", 5)])
def test_the_environment_says_it(said: str, n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert threads.count() == n


@pytest.mark.parametrize("said", ["", "0", "-1", "many", "2.5"])
def test_else_it_is_the_cores_of_this_process(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 4, 6}, raising=False)
    assert threads.count() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert threads.count() == 7
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert threads.count() == 1
