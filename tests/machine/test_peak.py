"""The most memory of a process is what it held, not what it holds."""

import sys

import numpy as np
import pytest

from cellprune.machine.peak import peak_bytes


@pytest.mark.skipif(sys.platform == "win32", reason="it does not say it")
def test_memory_that_was_given_back_counts() -> None:
    held = np.ones(16_000_000)
    before = peak_bytes()
    assert before is not None
    assert before > held.nbytes
    del held
    after = peak_bytes()
    assert after is not None
    assert after > before - 2**20, "the system counts in batches"


def test_a_system_that_does_not_say_it(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setattr("cellprune.machine.peak._STATUS", tmp_path / "none")
    monkeypatch.setattr(sys, "platform", "win32")
    assert peak_bytes() is None
