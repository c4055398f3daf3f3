"""Where trials are trained: in this process, by workers on this machine, or by any Dask cluster.

Nothing lives in the scheduler only: a trial is a run folder with exact resume, and the journal says what is done. A
worker that dies in mid-trial loses an epoch at most: Dask gives its trial to another, which goes on from the state.
"""

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing import resource_tracker
from typing import Any

from cellprune.errors import CellpruneError, WorkError
from cellprune.pruning import free_memory
from cellprune.search.train import Job, Report, train
from cellprune.training.progress import Listener

Execute = Callable[[Iterable[Job]], Iterator[tuple[Job, Report]]]
"""Trains jobs, taking each only when a worker is free for it; gives them back as they are done."""

_ANSWER_S = 10  # that a scheduler has to answer
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
# Dask has glibc give back at once what a worker frees, and each tensor then takes pages anew, which the system clears:
# a training takes 1.6 times as long. Ours keep what they free (mallopt(3)); what the user has set stays as it is.
_ALLOCATION = {"MALLOC_ARENA_MAX": 1, "MALLOC_MMAP_MAX_": 0, "MALLOC_TRIM_THRESHOLD_": 2**34}


@contextmanager
def here(listeners: Sequence[Listener] = ()) -> Iterator[Execute]:
    """Train in this process, one trial after the other."""

    def execute(jobs: Iterable[Job]) -> Iterator[tuple[Job, Report]]:
        for job in jobs:
            yield job, train(job, listeners)

    yield execute


@contextmanager
def local(n_workers: int) -> Iterator[Execute]:
    """Train in worker processes on this machine, which share its cores, and its GPUs in turn."""
    distributed = _distributed()
    import dask

    n_threads = max(1, len(os.sched_getaffinity(0)) // n_workers) if hasattr(os, "sched_getaffinity") else 1
    workers = {
        number: {
            "cls": distributed.Nanny,  # starts its worker again when that dies
            "options": {
                "nthreads": 1,
                "memory_limit": None,  # Dask would end a worker that takes more than one core's share of the memory
                "env": _environment(number, n_workers, n_threads),
                "host": "127.0.0.1",
                "dashboard": False,
            },
        }
        for number in range(n_workers)
    }
    # port 0: any free one, so that two searches on one machine do not ask for the same
    scheduler = {
        "cls": distributed.Scheduler,
        "options": {"dashboard": False, "dashboard_address": ":0", "host": "127.0.0.1"},
    }
    # a machine that slept loses its workers, which come back, and Dask says so at length
    born_with = _ALLOCATION | {"DASK_LOGGING__DISTRIBUTED": "critical"}
    configured = {f"distributed.nanny.pre-spawn-environ.{name}": value for name, value in born_with.items()}
    with dask.config.set(configured), ExitStack() as opened:
        with _deaf_to_interrupts():
            cluster = opened.enter_context(
                distributed.SpecCluster(workers=workers, scheduler=scheduler, silence_logs="critical")
            )
        yield _through(opened.enter_context(distributed.Client(cluster)))


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Let Ctrl-C wait, and reach none of the processes that begin meanwhile: the planner ends them, in one line."""
    if not hasattr(signal, "pthread_sigmask") or threading.current_thread() is not threading.main_thread():
        yield
        return
    resource_tracker.ensure_running()  # or it begins meanwhile, and listens again
    heard: list[int] = []  # by a thread that was there before
    handler = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # which new threads and processes take over
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, handler)
    if heard:
        raise KeyboardInterrupt


@contextmanager
def cluster(address: str) -> Iterator[Execute]:
    """Train by the workers of a Dask scheduler that runs already.

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
            "check the address, or leave --scheduler away"
        ) from error
    with client:
        if not client.scheduler_info()["workers"]:
            raise CellpruneError(f"the Dask scheduler at {address!r} has no worker: start some with 'dask worker'")
        yield _through(client)


def _through(client: Any) -> Execute:
    """Keep every worker busy with one trial, and no more waiting than that."""
    distributed = _distributed()

    def execute(jobs: Iterable[Job]) -> Iterator[tuple[Job, Report]]:
        waiting = iter(jobs)
        running: dict[Any, Job] = {}
        done = distributed.as_completed()
        try:
            while True:
                free = max(1, len(client.scheduler_info()["workers"])) - len(running)
                for _, job in zip(range(free), waiting, strict=False):
                    future = client.submit(train, job, pure=False, key=f"{job.trial.key} {len(running)} {id(job)}")
                    running[future] = job
                    done.add(future)
                if not running:
                    return
                future = next(done)
                yield running.pop(future), _result(future)
        finally:
            client.cancel(list(running))

    return execute


def _result(future: Any) -> Report:
    if future.status == "finished":
        report: Report = future.result()
        return report
    if future.status == "cancelled":
        raise WorkError("the Dask scheduler went away; what was trained is kept, go on with --resume")
    error = future.exception()
    if isinstance(error, CellpruneError):
        raise error
    return Report("crashed", {}, f"its worker was lost: {' '.join(str(error).split())}", {})


def _environment(number: int, n_workers: int, n_threads: int) -> dict[str, str]:
    """Give what a worker process sees: its share of the cores and of the memory, and one GPU where there are some."""
    import torch

    found = dict.fromkeys(_THREADS, str(n_threads)) | {free_memory.SHARE: str(1 / n_workers)}
    if n_gpus := torch.cuda.device_count():
        found["CUDA_VISIBLE_DEVICES"] = str(number % n_gpus)
    return found


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise CellpruneError(
            "several workers need Dask: pip install 'cellprune[search]', or leave --workers and --scheduler away"
        ) from None
    return distributed
