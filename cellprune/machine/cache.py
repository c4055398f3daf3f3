"""Where is kept what was measured on this machine, and can be measured again."""

import os
from pathlib import Path

VARIABLE = "CELLPRUNE_CACHE"


def cache_root() -> Path:
    """Give the folder: `$CELLPRUNE_CACHE`, else the user's cache; it need not exist yet."""
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE]).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("cellprune", appauthor=False))
