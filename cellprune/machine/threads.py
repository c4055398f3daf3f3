"""How many threads an engine may use that does not ask the environment itself, as torch does."""

import os
from collections.abc import Iterator
from math import ceil

from cellprune.machine import groups


def count() -> int:
    """Give what $OMP_NUM_THREADS says, else the number of CPUs that this process is allotted."""
    return _said("OMP_NUM_THREADS") or min(_allotted())


def settle() -> None:
    """Let libraries that count the cores themselves use no more threads than `count`; call it before they are loaded.

    They see which cores a process may run on, but not a share of the cores' time, nor what a batch job asked for.
    """
    if _said("OMP_NUM_THREADS") is None and (n_allotted := count()) < _n_cores():
        os.environ["OMP_NUM_THREADS"] = str(n_allotted)


def _allotted() -> Iterator[int]:
    """Give each limit: the cores of this process, what SLURM allots it, its control groups' shares of the time."""
    yield _n_cores()
    if (n_asked := _said("SLURM_CPUS_PER_TASK")) is not None:
        yield n_asked
    for group in groups.around("cpu"):
        if group.version == 2:
            quota, period = (*(group.says("cpu.max") or "max").split(), "100000")[:2]
        else:
            quota, period = (group.says(f"cpu.cfs_{what}_us") or "max" for what in ("quota", "period"))
        if quota.isdecimal() and period.isdecimal() and int(period):  # -1 and max: all
            yield max(1, ceil(int(quota) / int(period)))


def _n_cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _said(variable: str) -> int | None:
    """Give the number of threads in a variable of the environment; None where it names none."""
    said = os.environ.get(variable, "").split(",")[0].strip()  # one number for each level of nesting
    return int(said) if said.isdecimal() and int(said) > 0 else None
