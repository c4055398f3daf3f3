"""How a run was made: versions, machine, command, commit. Names of users and hosts stay out of it."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from cellprune.machine import environment
from cellprune.runs.commit import commit

_LIBRARIES = (
    "cellprune", "torch", "monai", "albumentations", "accelerate", "numpy", "scikit-image", "tifffile", "imagecodecs",
)  # fmt: skip


def gather(command: Sequence[str]) -> dict[str, Any]:
    """Describe this process: what provenance.json says before the run adds its own facts.

    Args:
        command: the command line, as the user gave it; folders above the home folder are cut to "~".
    """
    return {
        "started": now(),
        "command": [word.replace(str(Path.home()), "~") for word in command],
        "commit": commit(Path(__file__).parents[1]),
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in _LIBRARIES},
        "machine": {
            "system": f"{platform.system()} {platform.machine()}",
            "processor": _processor(),
            "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "environment": dict(environment.recorded()),
        },
    }


def now() -> str:
    """Give the time, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"
