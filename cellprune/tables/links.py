"""Ways from a sweep's folder to its runs, that hold when both are moved together."""

import os
from pathlib import Path
from urllib.parse import quote

from cellprune.runs.folder import Folder


def to_run(run: Path, folder: Path) -> str:
    """Give the path of a run, as seen from the folder of a sweep."""
    return Path(os.path.relpath(run.resolve(), folder.resolve())).as_posix()


def to_report(run: Path, folder: Path) -> str:
    """Give the address of a run's report, as a page in the folder of a sweep links it."""
    return quote(f"{to_run(run, folder)}/{Folder(run).file('report').name}")
