"""How much memory is free now for this process, which may stand in a container or a batch job, or beside others.

And the way back: what a process has freed stays with it under glibc, in holes between what it still uses; after ProsPr
has scored a U-Net of width 16 that is 2.8 GB, for as long as the training goes on.
"""

import ctypes
import os
import platform
from collections.abc import Iterator

import psutil
import torch

from cellprune.errors import CellpruneError
from cellprune.machine import groups

SHARE = "CELLPRUNE_MEMORY_SHARE"  # environment: the part of what is free that is this process's; workers are given it


def available_bytes(device: torch.device) -> int:
    """Give the bytes that are free on the device now: of the card for CUDA, otherwise of the machine.

    Of the machine it is no more than the process's control groups leave it, and of that its share.

    Raises:
        CellpruneError: the share that the environment names is none.
    """
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    free = min([psutil.virtual_memory().available, *_left_by_groups()])
    return int(free * _share(os.environ.get(SHARE, "1")))


def give_back() -> None:
    """Return to the system what this process has freed, where its C library is glibc; elsewhere do nothing."""
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise CellpruneError(f"${SHARE} is {text!r}: give this process's share of the free memory, such as 0.5")
    return share


def _left_by_groups() -> Iterator[int]:
    """Give what each limited control group around this process may still take."""
    for group in groups.around("memory"):
        if group.version == 2:
            limit, used, cached = "memory.max", "memory.current", "inactive_file"
        else:
            limit, used, cached = "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
        if (most := group.says(limit)) not in (None, "max"):
            statistics = dict(row.split() for row in (group.says("memory.stat") or "").splitlines())
            yield max(0, int(most or 0) - int(group.says(used) or 0) + int(statistics.get(cached, 0)))
