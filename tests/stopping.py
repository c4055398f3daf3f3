"""A listener that stops a run as Ctrl-C does."""

from cellprune.training.progress import Event


class Stop:
    """Asks to stop at once, so that a training ends with its first epoch."""

    def started(self, event: Event) -> None: ...

    def advanced(self, event: Event) -> bool:
        return True

    def finished(self, event: Event) -> None: ...
