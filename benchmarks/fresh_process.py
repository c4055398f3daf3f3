"""Each case of a benchmark in a process of its own, on one thread, so that its time and its peak memory are its own."""

import json
import os
import platform
import resource
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any


def run(measure: Callable[..., dict[str, Any]], **case: Any) -> dict[str, Any]:
    """Call a function in a new process that inherits nothing.

    Args:
        measure: of the program that asks; it imports torch itself, after its process was told to use one thread.
        case: its arguments.
    """
    os.environ.update({"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return process.submit(measure, **case).result()


def peak_mib() -> float:
    """Give the most memory that this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def write(path: str, **found: Any) -> None:
    """Write what was measured, and with which versions, as JSON."""
    import torch

    versions = {"torch": torch.__version__, "python": platform.python_version(), "machine": platform.machine()}
    Path(path).write_text(json.dumps({"versions": versions, **found}, indent=1))
