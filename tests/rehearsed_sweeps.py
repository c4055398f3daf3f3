"""Sweeps whose trainings only leave what a finished run leaves: enough to plan, resume and tabulate."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

import finished_run

from cellprune import experiment
from cellprune.campaign.job import Job, Report, RunFacts
from cellprune.campaign.workers import Execute
from cellprune.config import load as config
from cellprune.config.data import Data
from cellprune.config.schema import Runtime, Settings
from cellprune.config.sweep import Sweep
from cellprune.experiment import shared
from cellprune.experiment.opening import open_data
from cellprune.runs.documents import plain
from cellprune.runs.folder import Folder
from cellprune.runs.split import Split
from cellprune.tables.plan import Plan, Source, plan
from cellprune.tables.workspace import SharedRuns, Workspace

TINY = ("data.size=[32, 32]", "model.width=4", "model.depth=1", "training.epochs=2")
AXES = Sweep(methods=("snip", "random"), ratios=(0.5,), seeds=("0:2",))


def split_once(settings: Settings, *, runtime: Runtime) -> Split:
    """Open the data of a test session once."""
    return _split(settings.data.model_dump_json(), runtime.data_root)


@cache
def _split(data: str, data_root: Path) -> Split:
    return open_data(Settings(data=Data.model_validate_json(data)), data_root).split.written()


class CutError(BaseException):
    """The process was killed."""


def planned(axes: Sweep = AXES) -> Plan:
    return plan(axes, Source(assignments=TINY))


def shared_runs(folder: Path, data_root: Path, whole: Plan | None = None, output: str = "table") -> SharedRuns:
    workspace = Workspace(folder / "runs", folder / output, data_root, "cpu")
    return SharedRuns(whole or planned(), workspace)


class Rehearsal:
    """Does jobs at once: each leaves a finished run.

    Args:
        crashes: name of a trial -> why it crashes, each time; "hopeless: ..." is no crash.
        cut_after: jobs, then the process is killed.
    """

    def __init__(self, crashes: Mapping[str, Sequence[str]] | None = None, cut_after: int | None = None) -> None:
        self.trained = Counter[str]()
        self._crashes = {key: list(reasons) for key, reasons in (crashes or {}).items()}
        self._cut_after = cut_after

    @contextmanager
    def __call__(self) -> Iterator[Execute]:
        yield self._execute

    def _execute(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Report]]:
        for job in jobs:
            if self.trained.total() == self._cut_after:
                raise CutError
            self.trained[job.key] += 1
            yield job, self._done(job)

    def _done(self, job: Job) -> Report:
        if reasons := self._crashes.get(job.key):
            reason = reasons.pop(0)
            return Report("hopeless" if reason.startswith("hopeless") else "crashed", reason=reason)
        return Report("done", run=RunFacts(leave(job).path.name, "here", True, 1, 1, 1, 1, 1, {}))


def leave(job: Job, name: str = "") -> Folder:
    """Leave the finished run of a job, under its own name or another one."""
    runtime = Runtime(runs=job.runs, data_root=job.data_root, device=job.device)
    settings = experiment.settled(job.settings, runtime=runtime)
    split = split_once(settings, runtime=runtime)
    named = shared.folder_in(job.runs, settings, split)
    run = finished_run.make(
        job.runs / name if name else named, ratio=settings.pruning.ratio, n_images=4 + settings.seed, seed=settings.seed
    )
    made = run.read_provenance()
    times = {"scoring_s": 1.5, "training_s": 10.0 + settings.seed, "evaluation_s": 0.5}
    digest = config.digest(settings, plain(split))
    run.write_provenance(replace(made, times=times, data=replace(made.data, sha256=digest)))
    run.file("model").write_bytes(b"weights")
    run.write_config(settings.model_dump(mode="json"))
    return run
