"""What processes that are started see, and what of an interrupt reaches them."""

import os
import signal
import subprocess
import sys

import pytest

from cellprune.machine import processes


def test_an_interrupt_waits_until_the_workers_are_there_and_reaches_none_of_them() -> None:
    asks = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))"
    said = []

    def interrupted() -> None:
        with processes.deaf_to_interrupts():
            os.kill(os.getpid(), signal.SIGINT)
            said.append(subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True).stdout)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert said == ["True\n"]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
