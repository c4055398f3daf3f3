"""How many threads an engine may use that does not ask the environment itself, as torch does."""

import os


def count() -> int:
    """Give what $OMP_NUM_THREADS says, else the number of cores that this process may run on."""
    said = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()  # one number for each level of nesting
    if said.isdecimal() and int(said) > 0:
        return int(said)
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
