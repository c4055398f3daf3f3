"""How much memory is free now for this process, which may stand in a container or a batch job, or beside others.

And the way back: what a process has freed stays with it under glibc, in holes between what it still uses; after ProsPr
has scored a U-Net of width 16 that is 2.8 GB, for as long as the training goes on.
"""

import ctypes
import os
import platform
from collections.abc import Iterator
from pathlib import Path

import psutil
import torch

from cellprune.errors import CellpruneError

SHARE = "CELLPRUNE_MEMORY_SHARE"  # environment: the part of what is free that is this process's; workers are given it

_GROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


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
    """Give what each limited control group around this process may still take; none but on Linux.

    Source: Linux kernel, admin-guide/cgroup-v2 and admin-guide/cgroup-v1/memory.
    """
    lines = _MEMBERSHIP.read_text().splitlines() if _MEMBERSHIP.exists() else []
    for _, controllers, path in (line.split(":", 2) for line in lines):
        if not controllers:
            folder, limit, used, cached = _GROUPS, "memory.max", "memory.current", "inactive_file"
        elif "memory" in controllers.split(","):
            folder, limit, used = _GROUPS / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
            cached = "total_inactive_file"
        else:
            continue
        for part in Path(path).parts:  # the first is "/": the root, which in a container is the container's own
            folder /= part.lstrip("/")
            if (folder / limit).exists() and (most := (folder / limit).read_text().strip()) != "max":
                statistics = dict(row.split() for row in (folder / "memory.stat").read_text().splitlines())
                yield max(0, int(most) - int((folder / used).read_text()) + int(statistics.get(cached, 0)))
