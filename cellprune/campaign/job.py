"""One job as a real run: wherever it is called, it leaves a finished run folder and gives what its planner needs.

A run folder is shared by hash, so a network that was trained already is only read. When another process is
at work on it, we wait: its lock goes away with it, and its state stays.
"""

import errno
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from cellprune import experiment
from cellprune.config.names import resolve
from cellprune.config.schema import Runtime, Settings
from cellprune.errors import CellpruneError, ScarceError, TooMuchError, WorkError
from cellprune.evaluation.metric import Metric
from cellprune.runs import provenance
from cellprune.runs.folder import Folder
from cellprune.runs.lock import BusyError
from cellprune.runs.scores import Scores
from cellprune.training.fit import Stopped
from cellprune.training.progress import Event, Listener

_PATIENCE_S = 2.0  # between two tries of a folder that another process holds
_ONE_AT_A_TIME = threading.Lock()  # torch's random state is one a process, so two trainings in it would mix


@dataclass(frozen=True)
class Job:
    """A run with all that a worker needs, on this machine or another.

    Attributes:
        key: tells it from the planner's other jobs.
        name: the same for people.
        curve: epoch -> score of the reference that this job is paired with; empty where it may not stop early.
        drop: a job that lies so far below the curve, in the second half of the epochs, is hopeless.
        version: of the planner's cellprune.
    """

    key: str
    name: str
    settings: Settings
    runs: Path
    data_root: Path | None
    device: Literal["auto", "cpu", "cuda", "mps"]
    curve: Mapping[int, float]
    drop: float
    version: str


@dataclass(frozen=True)
class Report:
    """What a worker gives back: a state more than an `Outcome` has, because a crash may be tried again."""

    state: Literal["done", "hopeless", "crashed"]
    scores: Mapping[str, float]
    reason: str
    facts: Mapping[str, Any]


def train(job: Job, listeners: Sequence[Listener] = ()) -> Report:
    """Train a job's network, or go on with it, or read what is there.

    Raises:
        CellpruneError: refused before any work; every other job would be, too.
        WorkError: the disk is full, for every other job, too.
    """
    if job.version != (here := version("cellprune")):
        raise CellpruneError(f"a worker has cellprune {here}, the planner {job.version}: install the same everywhere")
    floor = _Floor(job)
    clock, began = time.perf_counter(), provenance.now()
    try:
        with _ONE_AT_A_TIME:
            folder = _patiently(job, [floor, *listeners])
    except Stopped as stop:
        if not floor.reason:
            raise
        return Report("hopeless", {}, floor.reason, {"seconds": time.perf_counter() - clock, "why": str(stop)})
    except TooMuchError as error:
        return Report("hopeless", {}, str(error).split(":")[0], {"seconds": time.perf_counter() - clock})
    except Exception as error:
        if _disk_is_full(error):
            raise WorkError(
                f"the disk of {job.runs} is full ({job.name}): free some space, then go on with --resume"
            ) from error
        refused = isinstance(error, CellpruneError) and not isinstance(error, WorkError)
        if refused and not isinstance(error, ScarceError):  # memory may have been short for the sake of a neighbour
            raise
        reason = " ".join(str(error).split()) or type(error).__name__
        return Report("crashed", {}, reason, {"seconds": time.perf_counter() - clock, "refused": refused})
    return _read(folder, began, _metric(job))


def _disk_is_full(error: BaseException | None) -> bool:
    """Whether an error, or what it came from, is a lack of space; safetensors has words for it only."""
    while error is not None:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or f"os error {errno.ENOSPC}" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def is_there(job: Job) -> bool:
    """Tell whether a job's network is trained already, as far as its configuration tells."""
    return experiment.is_there(job.settings, runtime=_runtime(job))


def _runtime(job: Job) -> Runtime:
    return Runtime(runs=job.runs, data_root=job.data_root, device=job.device, resume=True)


def _patiently(job: Job, listeners: Sequence[Listener]) -> Folder:
    command = ["cellprune", "search-max-ratio"]
    while True:
        try:
            return experiment.run(job.settings, listeners, runtime=_runtime(job), command=command)
        except BusyError:
            time.sleep(_PATIENCE_S)


def _metric(job: Job) -> Metric[Scores]:
    metric: Metric[Scores] = resolve("results", job.settings.task).metric
    return metric


def _read(folder: Folder, began: str, metric: Metric[Scores]) -> Report:
    """Give what a finished run says."""
    epochs, cost, made = folder.read_metrics(), folder.read_cost(), folder.read_provenance()
    scores, watched = folder.read_scores(), metric.watched
    facts = {
        "run": folder.path.name,
        "seconds": sum(made.times.values()),
        "machine": provenance.machine(made, cost.milliseconds),
        "trained_here": (made.finished or "") >= began,  # else another search, or a run by hand, had it already
        "parameters": {"left": cost.parameters.left, "total": cost.parameters.total},
        "macs": {"dense": cost.macs.dense, "masked": cost.macs.masked},
        "bytes": cost.bytes.model_file,
        **({"nothing": why} if (why := metric.nothing(scores)) else {}),
        **({"of_budget": cost.control.achieved / cost.control.target} if cost.control else {}),
        "curve": {str(epoch.epoch): score for epoch in epochs if (score := epoch.scores.get(watched)) is not None},
    }
    return Report("done", metric.of_each(scores), "", facts)


class _Floor:
    """Stops a hopeless job: after half of the epochs it is far below its own reference at the same epoch."""

    def __init__(self, job: Job) -> None:
        self._curve, self._drop, self._watched = job.curve, job.drop, _metric(job).watched
        self.reason = ""

    def started(self, event: Event) -> None:
        """Nothing to judge yet."""

    def advanced(self, event: Event) -> bool:
        whole = event.total > 0 and event.done * event.epochs == event.epoch * event.total
        reference, score = self._curve.get(event.epoch), event.scores.get(self._watched)
        if not whole or reference is None or score is None or not event.epochs <= 2 * event.epoch < 2 * event.epochs:
            return False
        if score < reference - self._drop:
            self.reason = f"{score:.4f} after epoch {event.epoch} of {event.epochs}, its reference had {reference:.4f}"
        return bool(self.reason)

    def finished(self, event: Event) -> None:
        """Judged at the end like every other."""
