"""Who trains the many runs of a command: this process, workers of this machine, or those of a Dask scheduler."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from cellprune.errors import CellpruneError

if TYPE_CHECKING:
    from cellprune.campaign.workers import Execute
    from cellprune.training.progress import Listener

_MOST_WORKERS = 256  # processes, each with a training, on one machine


def refuse_trainers(workers: int, scheduler: str | None) -> None:
    """Refuse flags that name no trainers.

    Raises:
        CellpruneError: too many workers, no address, or both flags.
    """
    if not 0 <= workers <= _MOST_WORKERS:
        raise CellpruneError(
            f"--workers {workers}: give a number up to {_MOST_WORKERS}, or remove it to train in this process"
        )
    if scheduler == "":
        raise CellpruneError("--scheduler names no address: give one such as tcp://node1:8786, or remove it")
    if workers and scheduler:
        raise CellpruneError("--workers and --scheduler exclude each other: the scheduler has its own workers")


def trainers(workers: int, scheduler: str | None, listener: "Listener") -> AbstractContextManager["Execute"]:
    """Give who trains: workers of this machine, those of a scheduler, or this process, which the listener hears."""
    from cellprune.campaign import workers as campaign_workers

    if workers:
        return campaign_workers.local(workers)
    return campaign_workers.cluster(scheduler) if scheduler else campaign_workers.here([listener])
