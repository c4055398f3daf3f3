"""Where many runs go, and what is made of them: two folders side by side, looked at before any work."""

import os
from pathlib import Path

from cellprune.errors import CellpruneError


def require_folders(runs: Path, output: Path, holds: str) -> None:
    """Refuse folders that cannot be written, and runs inside the folder of what is made of them.

    Args:
        runs: the folder of runs.
        output: of what is made of them.
        holds: what it holds and nothing else: "a table".
    Raises:
        CellpruneError: says what to give.
    """
    require_writable(output, "--output")
    if runs.resolve().is_relative_to(output.resolve()):
        raise CellpruneError(
            f"--runs {runs} lies in --output {output}, which holds {holds} and nothing else: give them side by side"
        )
    require_writable(runs, "--runs")


def require_writable(folder: Path, flag: str) -> None:
    """Refuse a folder that cannot be made or written; `flag` names it.

    Raises:
        CellpruneError: says what stands in the way.
    """
    nearest = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not nearest.is_dir():
        raise CellpruneError(f"{flag} {folder}: {nearest} is a file, not a folder: give another")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise CellpruneError(f"{flag} {folder}: no permission to write in {nearest}: give another")
