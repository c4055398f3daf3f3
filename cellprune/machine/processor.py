"""What computes here."""

import platform
from pathlib import Path


def name() -> str:
    """Give the name of the processor, as its maker writes it where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"
