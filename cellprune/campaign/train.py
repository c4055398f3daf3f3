"""One job as a real run: wherever it is done, it leaves a finished run folder and reports what its planner needs.

A run folder is shared by hash, so a network that was trained already is only read. When another process is at work on
it, we wait: its lock goes away with it, and its state stays.
"""

import errno
import threading
import time
from collections.abc import Sequence
from importlib.metadata import version

from cellprune import experiment
from cellprune.campaign.floor import FloorWatch
from cellprune.campaign.job import Job, Report, RunFacts
from cellprune.config.names import resolve
from cellprune.config.schema import Runtime
from cellprune.errors import CellpruneError, ScarceError, TooMuchError, WorkError
from cellprune.evaluation.metric import Metric
from cellprune.pruning.ranking.latency import NS
from cellprune.runs import provenance
from cellprune.runs.cost import Cost
from cellprune.runs.folder import Folder
from cellprune.runs.lock import BusyError
from cellprune.runs.scores import Scores
from cellprune.training.fit import Stopped
from cellprune.training.progress import Listener

_PATIENCE_S = 2.0  # between two tries of a folder that another process has locked
_ONE_AT_A_TIME = threading.Lock()  # torch's random state is one a process, so two trainings in it would mix


def train(job: Job, listeners: Sequence[Listener] = ()) -> Report:
    """Train a job's network, or go on with it, or read what is there.

    Raises:
        CellpruneError: refused before any work; every other job would be, too.
        WorkError: the disk is full, for every other job, too.
    """
    if job.version != (here := version("cellprune")):
        raise CellpruneError(f"a worker has cellprune {here}, the planner {job.version}: install the same everywhere")
    metric: Metric[Scores] = resolve("results", job.settings.task).compared_by(job.score)
    floor = FloorWatch(job.floor, metric.watched) if job.floor and metric.watched else None
    clock, began = time.perf_counter(), provenance.now()
    try:
        with _ONE_AT_A_TIME:
            folder = _patiently(job, [*([floor] if floor else ()), *listeners])
    except Stopped:
        if floor is None or not floor.fault:
            raise
        return Report("hopeless", reason=floor.fault, seconds=time.perf_counter() - clock)
    except TooMuchError as error:
        return Report("hopeless", reason=str(error).split(":")[0], seconds=time.perf_counter() - clock)
    except Exception as error:
        return _crashed(job, error, time.perf_counter() - clock)
    return _read(folder, began, metric)


def is_there(job: Job) -> bool:
    """Tell whether a job's network is trained already, as far as its configuration tells."""
    return experiment.is_there(job.settings, runtime=_runtime(job))


def _runtime(job: Job) -> Runtime:
    return Runtime(runs=job.runs, data_root=job.data_root, device=job.device, resume=True)


def _patiently(job: Job, listeners: Sequence[Listener]) -> Folder:
    """Run a job; while another process is at work in its folder, wait for what that leaves."""
    while True:
        try:
            return experiment.run(
                job.settings, listeners, runtime=_runtime(job), command=job.command, scores=job.scores, times=job.times
            )
        except BusyError:
            time.sleep(_PATIENCE_S)


def _crashed(job: Job, error: Exception, seconds: float) -> Report:
    """Report an error that is this job's own; raise one that every other job would meet, too."""
    if _disk_is_full(error):
        raise WorkError(
            f"the disk of {job.runs} is full ({job.name}): free some space, then go on with --resume"
        ) from error
    refused = isinstance(error, CellpruneError) and not isinstance(error, WorkError)
    if refused and not job.is_unlike_others and not isinstance(error, ScarceError):
        raise error  # but memory may have been short for the sake of a neighbour
    reason = " ".join(str(error).split()) or type(error).__name__
    return Report("crashed", reason=reason, seconds=seconds, refused=refused)


def _disk_is_full(error: BaseException | None) -> bool:
    """Whether an error, or what it came from, is a lack of space; safetensors has words for it only."""
    while error is not None:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or f"os error {errno.ENOSPC}" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _read(folder: Folder, began: str, metric: Metric[Scores]) -> Report:
    """Report what a finished run says.

    Raises:
        CellpruneError: an older version wrote its scores, without what is compared.
    """
    cost, made, scores = folder.read_cost(), folder.read_provenance(), folder.read_scores()
    watched = ((epoch.epoch, epoch.scores.get(metric.watched)) for epoch in folder.read_metrics())
    facts = RunFacts(
        folder=folder.path.name,
        machine=provenance.machine(made, cost.milliseconds),
        trained_here=(made.finished or "") >= began,
        parameters_left=cost.parameters.left,
        parameters_total=cost.parameters.total,
        macs_left=cost.macs.masked,
        macs_dense=cost.macs.dense,
        model_bytes=cost.bytes.model_file,
        curve={epoch: score for epoch, score in watched if score is not None} if metric.watched else {},
        of_budget=cost.control.achieved / cost.control.target if cost.control else None,
        widths=cost.control.widths if cost.control else None,
        layers_ms=_layers_ms(cost),
    )
    try:
        of_each = metric.of_each(scores)
    except ValueError as error:
        raise CellpruneError(
            f"{folder.path} cannot be compared: {error}; remove it, so that it is trained anew, or give other --runs"
        ) from None
    return Report(
        "done",
        scores=of_each,
        seconds=sum(made.times.values()),
        nothing=metric.nothing(scores),
        run=facts,
    )


def _layers_ms(cost: Cost) -> float | None:
    """Give the sum of what the layers take, where that decided: of the masks, or of a small dense network."""
    if cost.control and cost.control.unit == "latency":
        return cost.control.achieved / NS
    return cost.budget.kept / NS if cost.budget and cost.budget.unit == "latency" else None
