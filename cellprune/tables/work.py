"""Trains what a sweep lacks: what is finished is skipped, what others are at work on comes last, a crash is retried."""

from collections.abc import Iterable, Iterator, Sequence

from cellprune.campaign.job import Job, Report
from cellprune.campaign.workers import Execute
from cellprune.runs.layer_times import LayerTimes
from cellprune.tables.folder import Failure
from cellprune.tables.plan import Trial
from cellprune.tables.workspace import SharedRuns

_TRIES = 2  # of a trial that crashes, in one call


class Watch:
    """Sees a sweep go on; this one says nothing."""

    def timed(self, done: int, total: int) -> None:
        """So many layers of those that are timed once for the sweep are done."""

    def planned(self, n_left: int, n_finished: int) -> None:
        """So many trainings of this process are left, so many are finished."""

    def began(self, trial: Trial) -> None:
        """A training begins."""

    def ended(self, trial: Trial, what: str) -> None:
        """A training is done, there already, hopeless, crashed (and will be tried again), or failed."""


def work(
    trials: Sequence[Trial], runs: SharedRuns, execute: Execute, watch: Watch, times: LayerTimes | None = None
) -> dict[Trial, Failure | None]:
    """Train what is not finished.

    Args:
        trials: of this process; other processes may have the same ones.
        execute: of `campaign.workers`.
        times: what layers take, for all jobs alike; None where milliseconds decide nothing.
    Returns:
        Why a trial has no run, None where it has one; of the trials that were not finished before.
    Raises:
        WorkError: what every other trial would meet, too, such as a full disk.
    """
    came: dict[Trial, Failure | None] = {}
    waiting: Sequence[Trial] = [trial for trial in trials if runs.finished(trial) is None]
    watch.planned(len(waiting), len(trials) - len(waiting))
    for tries_left in reversed(range(_TRIES)):
        of_job = {runs.job(trial).key: trial for trial in waiting}
        for job, report in execute(_jobs(waiting, runs, watch, times)):
            trial = of_job[job.key]
            came[trial] = _failure(report)
            watch.ended(trial, _what(report, tries_left))
            runs.forget_scores(trial)
        waiting = [trial for trial in waiting if (failed := came.get(trial)) and failed.state == "crashed"]
    return came


def _jobs(trials: Iterable[Trial], runs: SharedRuns, watch: Watch, times: LayerTimes | None) -> Iterator[Job]:
    """Give the job of each trial, those last that another process seems to be at work on."""
    later = []
    for trial in trials:
        if runs.is_busy(trial):
            later.append(trial)
            continue
        watch.began(trial)
        yield runs.job(trial, times)
    for trial in later:
        watch.began(trial)
        yield runs.job(trial, times)


def _failure(report: Report) -> Failure | None:
    return None if report.state == "done" else Failure(report.state, report.reason)


def _what(report: Report, tries_left: int) -> str:
    if report.state == "done":
        return "done" if report.run is None or report.run.trained_here else "there already"
    if report.state == "hopeless":
        return f"hopeless ({report.reason})"
    return f"{'crashed' if tries_left else 'failed'} ({report.reason})"
