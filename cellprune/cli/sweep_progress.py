"""A sweep as it goes on: a line as each training begins and ends, with what is left."""

from time import monotonic

from cellprune.cli.terminal import tell
from cellprune.report.formatting import duration
from cellprune.tables.plan import Plan, Trial
from cellprune.tables.work import Watch


class Told(Watch):
    """Tells of each training on standard error."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._left = self._busiest = self._running = 0
        self._seconds: list[float] = []
        self._since: dict[Trial, float] = {}

    def planned(self, n_left: int, n_finished: int) -> None:
        self._left = n_left
        tell(f"{n_finished} of {n_left + n_finished} runs are finished, {n_left} are left")

    def began(self, trial: Trial) -> None:
        self._since[trial] = monotonic()
        self._busiest = max(self._busiest, len(self._since))
        tell(f"{self._plan.name(trial)}: begins")

    def ended(self, trial: Trial, what: str) -> None:
        took = monotonic() - self._since.pop(trial)
        if what != "there already":  # trained elsewhere: it tells nothing of those that are left
            self._seconds.append(took)
        self._left -= not what.startswith("crashed")  # which is tried again
        tell(f"{self._plan.name(trial)}: {what}, {duration(took)}, {self._ahead()}")

    def _ahead(self) -> str:
        if not self._left or not self._seconds:
            return f"{self._left} left"
        seconds = sum(self._seconds) / len(self._seconds) * self._left / self._busiest
        return f"{self._left} left, about {duration(seconds)}"
