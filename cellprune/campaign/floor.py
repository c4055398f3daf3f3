"""A run that falls far below the one it is compared with is given up: it will not come back in its last epochs."""

from collections.abc import Mapping
from dataclasses import dataclass

from cellprune.training.progress import Event


@dataclass(frozen=True)
class Floor:
    """What a run must stay above, in the second half of its epochs.

    Attributes:
        curve: epoch -> score of the run that it is compared with.
        drop: how far it may lie below that.
        whose: what that run is called where the reason is told, such as "the dense network".
    """

    curve: Mapping[int, float]
    drop: float
    whose: str

    def fault(self, epoch: int, epochs: int, score: float | None) -> str:
        """Say why a run with this score after this epoch is to be given up; "" while it is not."""
        other = self.curve.get(epoch)
        if other is None or score is None or not epochs <= 2 * epoch < 2 * epochs or score >= other - self.drop:
            return ""
        return f"{score:.4f} after epoch {epoch} of {epochs}, {self.whose} had {other:.4f}"


class FloorWatch:
    """Listens to a run, and asks it to stop once it has fallen below its floor; `fault` says why."""

    def __init__(self, floor: Floor, watched: str) -> None:
        """Watch the score of that name."""
        self._floor, self._watched = floor, watched
        self.fault = ""

    def started(self, event: Event) -> None:
        """Nothing to judge yet."""

    def advanced(self, event: Event) -> bool:
        is_whole_epoch = event.total > 0 and event.done * event.epochs == event.epoch * event.total
        if not is_whole_epoch:
            return False
        self.fault = self._floor.fault(event.epoch, event.epochs, event.scores.get(self._watched))
        return bool(self.fault)

    def finished(self, event: Event) -> None:
        """Judged at the end like every other."""
