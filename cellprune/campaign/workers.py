"""Where jobs are done: in this process, by workers on this machine, or by any Dask cluster.

Nothing lives in a worker or a scheduler only: a job is a run folder with exact resume, and its planner writes down what
came of it. A worker that dies in the middle of a job loses an epoch at most: another one goes on from the state.
"""

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING

from cellprune.campaign import pool
from cellprune.campaign.job import Job, Report
from cellprune.campaign.train import train
from cellprune.errors import CellpruneError, WorkError
from cellprune.machine import memory as free_memory
from cellprune.training.progress import Listener
from cellprune.wording import reason

if TYPE_CHECKING:
    from distributed import Client, Future

Execute = Callable[[Iterable[Job]], Iterator[tuple[Job, Report]]]
"""Does jobs, taking each only when a worker is free for it; gives each back with its report as it is done."""

_ANSWER_S = 10  # that a scheduler has to answer
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
# what glibc gives back to the system when it is freed, each tensor takes anew, cleared page by page: workers keep it
# (mallopt(3)), and a training takes a sixth less time; what the user has set stays as it is
_ALLOCATION = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**34)}


@contextmanager
def here(listeners: Sequence[Listener] = ()) -> Iterator[Execute]:
    """Work in this process, one job after the other."""

    def execute(jobs: Iterable[Job]) -> Iterator[tuple[Job, Report]]:
        for job in jobs:
            yield job, train(job, listeners)

    yield execute


@contextmanager
def local(n_workers: int) -> Iterator[Execute]:
    """Work in processes on this machine, which share its cores, and its GPUs in turn."""
    n_threads = max(1, len(os.sched_getaffinity(0)) // n_workers) if hasattr(os, "sched_getaffinity") else 1
    with pool.opened([_environment(number, n_workers, n_threads) for number in range(n_workers)]) as workers:
        yield partial(pool.spread, workers)


@contextmanager
def cluster(address: str) -> Iterator[Execute]:
    """Let the workers of a Dask scheduler that runs already do the jobs.

    Raises:
        CellpruneError: it does not answer, or has no worker yet.
    """
    distributed = _distributed()
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what it says of a lost scheduler, we say in one line
    try:
        client = distributed.Client(address, timeout=_ANSWER_S)
    except (OSError, TimeoutError, ValueError) as error:
        raise CellpruneError(
            f"no Dask scheduler answers at {address!r} within {_ANSWER_S} s: start one with 'dask scheduler', "
            "check the address, or remove --scheduler"
        ) from error
    with client:
        if not client.scheduler_info()["workers"]:
            raise CellpruneError(f"the Dask scheduler at {address!r} has no worker: start some with 'dask worker'")
        yield _through(client)


def _through(client: "Client") -> Execute:
    """Keep every worker busy with one job, and no more waiting than that."""
    distributed = _distributed()

    def execute(jobs: Iterable[Job]) -> Iterator[tuple[Job, Report]]:
        waiting = iter(jobs)
        running: dict[Future, Job] = {}
        done = distributed.as_completed()
        try:
            while True:
                free = max(1, len(client.scheduler_info()["workers"])) - len(running)
                for _, job in zip(range(free), waiting, strict=False):
                    future = client.submit(train, job, pure=False, key=f"{job.key} {len(running)} {id(job)}")
                    running[future] = job
                    done.add(future)
                if not running:
                    return
                future = next(done)
                yield running.pop(future), _result(future)
        finally:
            client.cancel(list(running))

    return execute


def _result(future: "Future") -> Report:
    """Give what came of a job that a Dask worker did, or failed to do."""
    if future.status == "finished":
        report: Report = future.result()
        return report
    if future.status == "cancelled":
        raise WorkError("the Dask scheduler went away; what was trained is kept, go on with --resume")
    error = future.exception()
    if isinstance(error, CellpruneError):
        raise error
    return Report("crashed", reason=f"its worker was lost: {reason(error)}")


def _environment(number: int, n_workers: int, n_threads: int) -> dict[str, str]:
    """Give what a worker process sees: its share of the cores and of the memory, and one GPU where there are some."""
    import torch

    variables = {name: value for name, value in _ALLOCATION.items() if name not in os.environ}
    variables |= dict.fromkeys(_THREADS, str(n_threads)) | {free_memory.SHARE: str(1 / n_workers)}
    if n_gpus := torch.cuda.device_count():
        variables["CUDA_VISIBLE_DEVICES"] = str(number % n_gpus)
    return variables


def _distributed() -> ModuleType:
    try:
        import distributed
    except ImportError:
        raise CellpruneError("--scheduler needs Dask: pip install 'cellprune[search]', or remove --scheduler") from None
    return distributed
