"""How long a training takes, and what it leaves on the disk: one epoch of it, as many at once as there will be."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cellprune.campaign.job import Job, Report
from cellprune.campaign.workers import Execute
from cellprune.config.schema import Settings
from cellprune.errors import CellpruneError
from cellprune.runs import scratch
from cellprune.runs.folder import Folder


@dataclass(frozen=True)
class Forecast:
    """What a training would take.

    Attributes:
        seconds: of the slowest of the timed ones.
        n_bytes: of the largest run folder.
    """

    seconds: float
    n_bytes: int


def forecast(jobs: Sequence[Job], execute: Execute, failed: Callable[[Report], CellpruneError]) -> Forecast:
    """Train one epoch of each job, throw it away, and tell what the whole would take.

    Args:
        jobs: trained beside each other; the slowest counts.
        execute: of `workers`; what will train them, on this machine.
        failed: makes the error of what came of a job that is not done.
    Raises:
        CellpruneError: that `failed` made.
    """
    with scratch.made(Path(tempfile.gettempdir()), "cellprune-timing") as folder:
        timed = [replace(job, settings=_one_epoch(job.settings), runs=folder, floor=None, scores=None) for job in jobs]
        reports = [report for _, report in execute(timed)]  # to the end: half-way a failure would outlive its workers
        done = [_folder(folder, report, failed) for report in reports]
        seconds = [_seconds(run.read_provenance().times, job.settings) for run, job in zip(done, jobs, strict=True)]
        return Forecast(max(seconds), max(size_of(run.path) for run in done))


def size_of(folder: Path) -> int:
    """Give the bytes of the files in a run's folder."""
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())


def _one_epoch(settings: Settings) -> Settings:
    return settings.model_copy(update={"training": settings.training.model_copy(update={"epochs": 1})})


def _folder(runs: Path, report: Report, failed: Callable[[Report], CellpruneError]) -> Folder:
    if report.run is None:
        error = failed(report)
        raise error
    return Folder(runs / report.run.folder)


def _seconds(times: Mapping[str, float], settings: Settings) -> float:
    training = settings.training
    n_evaluations = training.epochs // training.evaluate_every + 2  # the last epoch's, and the scores
    return times.get("scoring_s", 0.0) + training.epochs * times["training_s"] + n_evaluations * times["evaluation_s"]
