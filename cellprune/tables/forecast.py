"""What a sweep would take: its trainings, their hours, and their bytes, from runs that are there or from one epoch."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from cellprune.campaign.job import Job, Report
from cellprune.campaign.timing import Forecast, size_of
from cellprune.errors import CellpruneError, TooMuchError, WorkError
from cellprune.report.formatting import duration, file_size
from cellprune.runs.folder import Folder
from cellprune.tables.plan import Arm, Plan, Trial
from cellprune.tables.workspace import SharedRuns
from cellprune.wording import many

TimeOne = Callable[[Sequence[Job]], Forecast]
"""Trains one epoch of each job beside the others, and tells what a whole training takes."""


@dataclass(frozen=True)
class Outlook:
    """What is left of a sweep.

    Attributes:
        n_runs: in all.
        n_finished: of them, whoever trained them.
        n_hopeless: of them, those that came to nothing, and are not trained again.
        seconds: that the rest takes, so many at once.
        n_bytes: that the rest writes.
        how: what the seconds are judged by, in sentences.
    """

    n_runs: int
    n_finished: int
    n_hopeless: int
    seconds: float
    n_bytes: int
    n_at_once: int
    how: tuple[str, ...]

    def lines(self) -> list[str]:
        """Say it."""
        left = self.n_runs - self.n_finished - self.n_hopeless
        hopeless = f", {self.n_hopeless} hopeless" if self.n_hopeless else ""
        if not left:
            all_runs = f"{self.n_finished} finished{hopeless}" if hopeless else "finished"
            return [f"all {self.n_runs} runs are {all_runs}: nothing is left to train"]
        at_once = f", {self.n_at_once} at once" if self.n_at_once > 1 else ""
        return [
            f"{many(self.n_runs, 'run')}: {self.n_finished} finished{hopeless}, {left} left",
            f"time: about {duration(self.seconds)}{at_once}; {'; '.join(self.how)}",
            f"disk: about {file_size(self.n_bytes)} in the folder of runs",
        ]


def outlook(plan: Plan, runs: SharedRuns, time_one: TimeOne, n_at_once: int, hopeless: Collection[str] = ()) -> Outlook:
    """Tell what is left of a sweep; nothing is kept.

    A training is judged by the finished runs of its arm, else of its group. Where there are none, the first
    pruned arm of the group of which something is left is timed for one epoch.

    Args:
        hopeless: names of the trials that came to nothing in an earlier call.
    Raises:
        CellpruneError: what `time_one` raises.
    """
    finished = {trial: path for trial in plan.trials if (path := runs.finished(trial)) is not None}
    over = [trial for trial in plan.trials if trial not in finished and plan.name(trial) in hopeless]
    left = [trial for trial in plan.trials if trial not in finished and trial not in over]
    known = {
        arm: _mean([path for trial, path in finished.items() if trial.arm == arm])
        for arm in {trial.arm for trial in finished}
    }
    how: dict[str, None] = {}
    if known:
        how[f"judged by {many(len(finished), 'finished run')}"] = None
    total_s, n_bytes = 0.0, 0
    for arm in dict.fromkeys(trial.arm for trial in left):
        n = sum(trial.arm == arm for trial in left)
        if arm not in known:
            if not (alike := [one for other, one in known.items() if other.group == arm.group]):
                for timed in _pruned_first(arm, left):
                    try:
                        alike = [time_one([runs.job(Trial(timed, seed)) for seed in range(n_at_once)])]
                    except TooMuchError as error:  # an answer of the sweep, not its end
                        how[f"{timed.name} is hopeless ({error}) and takes its scoring alone"] = None
                        continue
                    known[timed] = alike[0]
                    how[_by_epoch(timed)] = None
                    break
            known[arm] = known.get(arm) or Forecast(max(a.seconds for a in alike), max(a.n_bytes for a in alike))
        total_s, n_bytes = total_s + n * known[arm].seconds, n_bytes + n * known[arm].n_bytes
    return Outlook(len(plan.trials), len(finished), len(over), total_s / n_at_once, n_bytes, n_at_once, tuple(how))


def failed(report: Report) -> CellpruneError:
    """Say why the epoch that was to be timed gives no time."""
    if report.state == "hopeless":
        return TooMuchError(report.reason)
    return WorkError(f"the epoch that is timed came to nothing ({report.reason}): mend it, or train without --dry-run")


def _pruned_first(arm: Arm, left: Sequence[Trial]) -> list[Arm]:
    """Give the arms of a group that may be timed for the others: those that are pruned, with their scoring, first."""
    own = dict.fromkeys(trial.arm for trial in left if trial.arm.group == arm.group)
    return sorted(own, key=lambda other: other.is_dense)


def _by_epoch(arm: Arm) -> str:
    return (
        f"judged by one epoch of {arm.name}: methods that score in rounds or train several times take longer, networks "
        "that lost channels take less"
    )


def _mean(runs: Sequence[Path]) -> Forecast:
    seconds = mean(sum(Folder(path).read_provenance().times.values()) for path in runs)
    return Forecast(seconds, round(mean(size_of(path) for path in runs)))
