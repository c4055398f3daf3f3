"""How long a training will take, said as soon as one step of it was timed: before the first epoch is over."""

from time import monotonic

from cellprune.cli.terminal import tell
from cellprune.report.formatting import duration
from cellprune.training.progress import Event

_WORTH_SAYING_S = 10


class Estimate:
    """Prints one line per training. The first step also sets the memory up, so the second one is timed."""

    def __init__(self) -> None:
        self._from: int | None = None
        self._clock = 0.0

    def started(self, event: Event) -> None:
        self._from = event.done if event.phase == "training" else None

    def advanced(self, event: Event) -> None:
        if self._from is None:
            return
        if event.done == self._from + 1:
            self._clock = monotonic()
        elif event.done == self._from + 2:
            step_s = monotonic() - self._clock
            left_s = step_s * (event.total - event.done)
            if left_s > _WORTH_SAYING_S:
                tell(
                    f"this training takes about {duration(left_s)}: {event.total - self._from} steps of "
                    f"{duration(step_s) if step_s > 1 else f'{1000 * step_s:.0f} ms'}"
                )

    def finished(self, event: Event) -> None:
        """Nothing is left to say."""
