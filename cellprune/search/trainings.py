"""Gives outcomes from the journal, and trains what it lacks, as far as a call may."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from time import monotonic

from cellprune.campaign import workers
from cellprune.campaign.floor import Floor
from cellprune.campaign.job import Job, Report, RunFacts
from cellprune.config import load as config
from cellprune.config import names
from cellprune.runs import layer_times
from cellprune.search import frames
from cellprune.search.journal import Journal
from cellprune.search.judge.trial import REFERENCE, Outcome, Trial, reference_failed
from cellprune.search.question import Question, Watch, Workspace
from cellprune.wording import many

_COMMAND = ("cellprune", "search-max-ratio")  # that the runs of a search say they were made by
_TRIES = 2  # of a trial that crashes, in one call
HOPELESS_MARGINS = 10  # below its reference in the second half of the epochs, no trial comes back


class LimitReached(Exception):
    """No more trainings in this call; the search is not at its end."""


def job_of(trial: Trial, question: Question, workspace: Workspace, reference: RunFacts | None = None) -> Job:
    """Give a trial with all that a worker needs.

    Args:
        reference: the unpruned network's run that it is compared with, where it may be stopped early.
    """
    settings = config.resolve(frames.settings_of(trial, question.settings, question.search))
    times = question.layer_times if settings.pruning.times_layers else None
    if times:  # of other times would come another network, so they are part of the run's name
        pruning = settings.pruning.model_copy(update={"layer_times_sha256": layer_times.digest(times)})
        settings = settings.model_copy(update={"pruning": pruning})
    return Job(
        key=trial.key,
        name=trial.name(question.n_folds),
        settings=settings,
        runs=workspace.runs.absolute(),
        data_root=workspace.data_root,
        device=workspace.device,
        command=_COMMAND,
        floor=Floor(reference.curve, HOPELESS_MARGINS * question.search.margin, "its reference") if reference else None,
        score=question.search.score,
        times=times,
    )


class Trainings:
    """Gives outcomes from the journal, and trains what it lacks."""

    def __init__(
        self, question: Question, workspace: Workspace, journal: Journal, execute: workers.Execute, watch: Watch
    ) -> None:
        self._question, self._workspace, self._journal = question, workspace, journal
        self._execute, self._watch = execute, watch
        self._begun, self._clock = 0, monotonic()
        self._crashed: Counter[Trial] = Counter()
        self._asked: set[Trial] = set()

    def outcomes_of(self, trials: Sequence[Trial]) -> list[Outcome]:
        """Give the outcome of every trial; one that crashes is tried once more, then excluded in the open.

        Raises:
            LimitReached: trials are missing, and this call may train no more.
            WorkError: a reference crashed twice.
        """
        known = [trial for trial in trials if trial not in self._asked and self._journal.outcome(trial) is not None]
        self._watch.known(len(known))
        self._asked.update(trials)
        while missing := [trial for trial in trials if self._journal.outcome(trial) is None]:
            begun, asked = self._begun, {trial.key: trial for trial in missing}
            for job, report in self._execute(self._affordable(missing)):
                self._keep(asked[job.key], report)
            if self._begun == begun:
                hours = (monotonic() - self._clock) / 3600
                raise LimitReached(f"stopped after {many(begun, 'training')} and {hours:.1f} h, as asked")
        outcomes = [self._journal.outcome(trial) for trial in trials]
        return [outcome for outcome in outcomes if outcome is not None]

    def _affordable(self, trials: Iterable[Trial]) -> Iterator[Job]:
        workspace = self._workspace
        for trial in trials:
            if workspace.max_trials is not None and self._begun >= workspace.max_trials:
                return
            if workspace.max_hours is not None and monotonic() - self._clock >= 3600 * workspace.max_hours:
                return
            self._begun += 1
            self._watch.began(trial)
            yield self._job(trial)

    def _job(self, trial: Trial) -> Job:
        reference = None
        # a method around training has several trainings, whose epochs cannot be compared with the reference's
        once = names.method(self._question.settings.pruning.method).when in ("before", "instead")
        # what networks are compared by may not be watched while they train, and pixels say little of cells
        watched = self._question.metric.watched
        if trial.phase == "search" and trial.ratio != REFERENCE and once and watched:
            reference = self._journal.outcome(Trial("search", REFERENCE, trial.seed, trial.fold))
        return job_of(trial, self._question, self._workspace, reference.run if reference else None)

    def _keep(self, trial: Trial, report: Report) -> None:
        if report.state != "crashed":
            was_there = report.run is not None and not report.run.trained_here
            self._watch.ended(trial, "there already" if was_there else report.state, report.seconds)
            self._journal.keep(
                trial,
                Outcome(report.state, report.scores, report.reason, report.nothing, report.seconds, report.run),
            )
            return
        self._crashed[trial] += 1
        again = self._crashed[trial] < _TRIES
        self._watch.ended(trial, "crashed" if again else "excluded", report.seconds)
        self._watch.said(f"{trial.name(self._question.n_folds)} crashed: {report.reason}")
        self._journal.keep_crash(trial, report.reason, report.seconds)
        if again:
            return
        if trial.ratio == REFERENCE:  # without it nothing goes on, so it stays open for a later call
            raise reference_failed(trial, report.reason, self._question.n_folds)
        self._journal.keep(trial, Outcome("excluded", report.scores, report.reason))
