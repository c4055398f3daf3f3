"""Speaks up when nothing was said for a while, so that what takes long never looks as if it hung."""

import threading
from collections.abc import Callable
from time import monotonic

EVERY_S = 30.0


class Heartbeat:
    """Calls a function after every so many seconds of silence, from a thread of its own."""

    def __init__(self, speak: Callable[[], None]) -> None:
        self._speak = speak
        self._stopped = threading.Event()
        self._next = 0.0

    def start(self, first_s: float | None = None) -> None:
        """Begin; the first call may come sooner than the others."""
        self.stop()
        self._stopped = threading.Event()
        self._next = monotonic() + (EVERY_S if first_s is None else first_s)
        threading.Thread(target=self._beat, args=(self._stopped,), name="heartbeat", daemon=True).start()

    def heard(self) -> None:
        """Something else was said just now."""
        self._next = monotonic() + EVERY_S

    def stop(self) -> None:
        """Be silent from now on."""
        self._stopped.set()

    def _beat(self, stopped: threading.Event) -> None:
        while not stopped.wait(max(0.0, self._next - monotonic())):
            if monotonic() >= self._next:
                self.heard()
                self._speak()
