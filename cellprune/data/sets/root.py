"""Where data sets live on this machine."""

import os
from pathlib import Path

import platformdirs

VARIABLE = "CELLPRUNE_DATA"


def data_root(given: Path | None = None) -> Path:
    """Give the folder of all data sets: `given`, else `$CELLPRUNE_DATA`, else the user's data folder.

    The folder need not exist yet.
    """
    if given is not None:
        return Path(given).expanduser()
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE]).expanduser()
    return Path(platformdirs.user_data_dir("cellprune", appauthor=False)) / "datasets"
