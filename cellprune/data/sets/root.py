"""Where data sets live on this machine."""

import os
from pathlib import Path

import platformdirs

VARIABLE = "CELLPRUNE_DATA"


def data_root(folder: Path | None = None) -> Path:
    """Give the folder of all data sets: `folder`, else `$CELLPRUNE_DATA`, else the user's data folder.

    The folder need not exist yet.
    """
    if folder is not None:
        return Path(folder).expanduser()
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE]).expanduser()
    return Path(platformdirs.user_data_dir("cellprune", appauthor=False)) / "datasets"
