"""A folder of runs that many share: a run is found by what it was made of, whatever its folder is called."""

import re
from collections.abc import Iterator
from contextlib import suppress
from glob import escape
from pathlib import Path

from cellprune.config import load as config
from cellprune.config import own
from cellprune.config.schema import Settings
from cellprune.errors import CellpruneError
from cellprune.experiment import earlier
from cellprune.runs import names
from cellprune.runs.documents import plain
from cellprune.runs.folder import Folder
from cellprune.runs.split import Split

_NEEDED = ("provenance", "config", "split", "cost", "metrics", "scores", "model")  # of whoever reads it again
_ENDS_WITH_HASH = re.compile(r"_[0-9a-f]{8}")  # as `runs.names` has it


def folder_in(runs: Path, settings: Settings, split: Split) -> Path:
    """Give the folder named after settings and data, there or still to be made."""
    return runs / _name(settings, config.digest(settings, plain(split)))


def finished_in(runs: Path, settings: Settings, split: Split) -> Path | None:
    """Give the folder of a finished run of these settings and data; None where there is none.

    Args:
        runs: the folder of runs.
        settings: with every choice made, as `settling.settled` gives them.
        split: of the data.
    """
    named, digest = folder_in(runs, settings, split), config.digest(settings, plain(split))
    if Folder(named).finished:
        return named
    return next((path for path in _others(runs) if _is_made_of(Folder(path), digest)), None)


def is_there(runs: Path, settings: Settings) -> bool:
    """Tell whether a run of these settings is finished in a folder of runs.

    Only configurations are compared, which is quick: where the data changed since, a run is trained anew.
    """
    begins = _name(settings, "").removesuffix("_")
    return any(_has(Folder(path), settings) for path in (*runs.glob(f"{escape(begins)}_*"), *_others(runs)))


def _others(runs: Path) -> Iterator[Path]:
    """Give the folders of runs that were named by their users."""
    if runs.is_dir():
        yield from (path for path in sorted(runs.iterdir()) if not _ENDS_WITH_HASH.fullmatch(path.name[-9:]))


def _is_made_of(folder: Folder, digest: str) -> bool:
    """Tell whether a run is finished and whole, and its record names these settings and data by their hash."""
    with suppress(CellpruneError):
        if all(map(folder.has, _NEEDED)):
            made = folder.read_provenance()
            return made.finished is not None and made.data.sha256 == digest
    return False


def _has(folder: Folder, settings: Settings) -> bool:
    """Tell whether a run is finished and has these settings."""
    with suppress(CellpruneError):
        return folder.finished and not config.differences(settings, earlier.settings_of(folder))
    return False


def _name(settings: Settings, digest: str) -> str:
    pruning = settings.pruning
    return names.run_name(
        settings.data.dataset, own.short(settings.model.name), pruning.label, pruning.amount, settings.seed, digest
    )
