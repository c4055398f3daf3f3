"""A line after every so long a silence, and none while something else is said."""

import threading

import pytest

from cellprune.cli import heartbeat
from cellprune.cli.heartbeat import Heartbeat


@pytest.fixture
def spoken() -> threading.Semaphore:
    return threading.Semaphore(0)


@pytest.fixture
def beat(spoken: threading.Semaphore):
    made = Heartbeat(spoken.release)
    yield made
    made.stop()


def test_it_speaks_again_and_again(
    beat: Heartbeat, spoken: threading.Semaphore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "EVERY_S", 0.01)
    beat.start()
    assert all(spoken.acquire(timeout=10) for _ in range(3))


def test_the_first_time_may_come_sooner(beat: Heartbeat, spoken: threading.Semaphore) -> None:
    beat.start(0.01)
    assert spoken.acquire(timeout=10)
    assert not spoken.acquire(timeout=0.05), "the second comes after the usual time"


def test_it_is_silent_before_its_time_and_once_it_is_stopped(beat: Heartbeat, spoken: threading.Semaphore) -> None:
    beat.start()
    assert not spoken.acquire(timeout=0.03)
    beat.start(0.01)
    beat.stop()
    assert not spoken.acquire(timeout=0.05)


def test_what_is_heard_puts_it_off(
    beat: Heartbeat, spoken: threading.Semaphore, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(heartbeat, "monotonic", lambda: now[0])
    beat.start(5.0)
    assert beat._next == 105.0
    now[0] = 104.0
    beat.heard()
    assert beat._next == 104.0 + heartbeat.EVERY_S
