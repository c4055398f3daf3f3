"""Refuses what is no finished run, and says what it is instead."""

from pathlib import Path

from cellprune.errors import CellpruneError
from cellprune.runs.folder import FILES, Folder


def require_run(path: Path) -> None:
    """Refuse a path that no run stands behind, finished or not.

    Raises:
        CellpruneError: nothing is there, or a folder of runs, or something else.
    """
    if Folder(path).has("config"):
        return
    if not path.exists():
        raise CellpruneError(f"there is no {path}: give the folder of a finished run")
    if path.is_dir() and (inside := sorted(path.glob(f"*/{FILES['config']}"))):
        raise CellpruneError(f"{path} is a folder of runs: give the runs in it, such as {inside[0].parent}")
    raise CellpruneError(f"{path} is no run: give the folder of a finished run")


def finished(path: Path) -> Folder:
    """Give the folder of a finished run.

    Raises:
        CellpruneError: it is none; see `require_run`.
    """
    require_run(path)
    folder = Folder(path)
    if not folder.finished:
        raise CellpruneError(f"{path} is not a finished run: finish it with 'cellprune train --resume'")
    return folder
