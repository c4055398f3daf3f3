"""The most memory that a process ever held, as far as the system says it."""

import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
_HIGHEST = "VmHWM:"  # in kB; what getrusage says began with the memory of the process that started this one


def peak_bytes() -> int | None:
    """Give the bytes that this process held at most; None where the system does not say."""
    if _STATUS.exists():
        lines = _STATUS.read_text(encoding="ascii", errors="replace").splitlines()
        return next((1024 * int(line.split()[1]) for line in lines if line.startswith(_HIGHEST)), None)
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return None
