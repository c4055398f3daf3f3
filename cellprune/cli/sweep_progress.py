"""A sweep as it goes on: a line as each training begins and ends, with what is left, and one now and then between."""

from time import monotonic

from cellprune.cli.heartbeat import Heartbeat
from cellprune.cli.progress import Whereabouts
from cellprune.cli.terminal import tell
from cellprune.report.formatting import duration
from cellprune.tables.plan import Plan, Trial
from cellprune.tables.work import Watch
from cellprune.wording import many


class Told(Watch):
    """Tells of each training on standard error; `listener` hears where the one of this process is."""

    def __init__(self, plan: Plan) -> None:
        self.listener = Whereabouts()
        self._plan = plan
        self._left = self._busiest = 0
        self._seconds: list[float] = []
        self._since: dict[Trial, float] = {}
        self._beat = Heartbeat(self._again)

    def __enter__(self) -> "Told":
        self._beat.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._beat.stop()

    def timed(self, done: int, total: int) -> None:
        if done == 0:
            self._say(f"timing {many(total, 'layer')}, once for all runs of this sweep")

    def planned(self, n_left: int, n_finished: int) -> None:
        self._left = n_left
        self._say(f"{n_finished} of {many(n_left + n_finished, 'run')} finished already, {n_left} left")

    def began(self, trial: Trial) -> None:
        self._since[trial] = monotonic()
        self._busiest = max(self._busiest, len(self._since))
        self._say(f"{self._plan.name(trial)}: begins")

    def ended(self, trial: Trial, what: str) -> None:
        took = monotonic() - self._since.pop(trial)
        if what != "there already":  # trained elsewhere: it tells nothing of those that are left
            self._seconds.append(took)
        self._left -= not what.startswith("crashed")  # which is tried again
        self._say(f"{self._plan.name(trial)}: {what}, {duration(took)}, {self._ahead()}")

    def _ahead(self) -> str:
        if not self._left or not self._seconds:
            return f"{self._left} left"
        seconds = sum(self._seconds) / len(self._seconds) * self._left / self._busiest
        return f"{self._left} left, about {duration(seconds)}"

    def _again(self) -> None:
        for trial, since in list(self._since.items()):
            at = f": {self.listener.at}" if self.listener.at else ""
            self._say(f"{self._plan.name(trial)}{at}, for {duration(monotonic() - since)} now")

    def _say(self, line: str) -> None:
        self._beat.heard()
        tell(line)
