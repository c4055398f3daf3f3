"""A search as it goes on: a live table on a terminal, a line for every event in a log."""

from time import monotonic

from rich.console import Group
from rich.live import Live
from rich.table import Table as RichTable
from rich.text import Text

from cellprune.cli.heartbeat import Heartbeat
from cellprune.cli.progress import Whereabouts
from cellprune.cli.terminal import console, tell
from cellprune.report.formatting import duration
from cellprune.search import plan
from cellprune.search.judge import controls
from cellprune.search.judge.trial import Trial
from cellprune.search.question import Question, Watch
from cellprune.wording import spoken

_LINES = 12  # of the newest verdicts


class Table(Watch):
    """Trials done and running, verdicts, time left; on standard error."""

    def __init__(self, question: Question) -> None:
        self._most = plan.count(question.search, question.grid, len(controls.of(question.settings))).most
        self._console = console()
        self._running: dict[Trial, float] = {}
        self._seconds: list[float] = []
        self._done = self._busiest = 0
        self._lines: list[str] = []
        self._n_folds = question.n_folds
        self._beat = Heartbeat(self._again)
        self.listener = Whereabouts()
        self._live = Live(console=self._console, get_renderable=self._drawn, refresh_per_second=2)

    def __enter__(self) -> "Table":
        if self._console.is_terminal:
            self._live.start()
        else:
            self._beat.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._beat.stop()
        if self._console.is_terminal:
            self._live.stop()

    def known(self, n_trials: int) -> None:
        self._done += n_trials

    def began(self, trial: Trial) -> None:
        self._running[trial] = monotonic()
        self._busiest = max(self._busiest, len(self._running))
        self._print(f"{trial.name(self._n_folds)}: begins")

    def ended(self, trial: Trial, outcome: str, seconds: float) -> None:
        took = monotonic() - self._running.pop(trial, monotonic())
        if outcome != "there already":  # of another search: it tells nothing of those that are left
            self._seconds.append(took)
        self._done += outcome != "crashed"  # which is tried again
        self._print(f"{trial.name(self._n_folds)}: {outcome}, {duration(took)}, {self._left()}")

    def said(self, line: str) -> None:
        self._lines.append(line)
        self._print(line)

    def _left(self) -> str:
        done = f"{self._done} of at most {self._most} trainings done"
        if not self._seconds:
            return done
        mean = sum(self._seconds) / len(self._seconds)
        return f"{done}, at most {duration(max(0, self._most - self._done) * mean / self._busiest)} left"

    def _print(self, line: str) -> None:
        if not self._console.is_terminal:
            self._beat.heard()
            tell(line)

    def _again(self) -> None:
        for trial, since in list(self._running.items()):
            self._print(f"{self._at(trial)}, for {duration(monotonic() - since)} now")
        if not self._running:
            self._print(f"comparing and timing the networks, {self._left()}")

    def _at(self, trial: Trial) -> str:
        return ": ".join(filter(None, (trial.name(self._n_folds), self.listener.at)))

    def _drawn(self) -> Group:
        table = RichTable(box=None, pad_edge=False)
        table.add_column("running")
        table.add_column("for", justify="right")
        for trial, since in list(self._running.items()):
            table.add_row(Text(spoken(self._at(trial))), duration(monotonic() - since))
        running = [table] if self._running else []
        return Group(*(Text(spoken(line)) for line in self._lines[-_LINES:]), *running, Text(self._left()))
