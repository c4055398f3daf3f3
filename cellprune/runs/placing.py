"""Folders that are there whole or not at all: made beside, synced to the disk, renamed."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cellprune.errors import CellpruneError, WorkError
from cellprune.runs import scratch


class PlaceError(CellpruneError):
    """A folder that may not be made where it was asked for."""


@contextmanager
def appearing(folder: Path) -> Iterator[Path]:
    """Give an empty folder beside `folder` to fill; when the block ends without an error it becomes `folder`.

    When another process has made `folder` meanwhile, theirs stays and ours goes. What a killed one left is removed.

    Raises:
        PlaceError: something that is not empty is there already, or the place cannot be written to.
        WorkError: the disk fills up on the way; nothing is left behind.
    """
    with ExitStack() as opened:
        try:
            if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
                raise PlaceError(f"{folder} is there already and not empty: name a new folder")
            folder.parent.mkdir(parents=True, exist_ok=True)
            private = opened.enter_context(scratch.made(folder.parent, folder.name))
            beside = private / folder.name
            beside.mkdir()
        except OSError as error:
            raise PlaceError(
                f"{folder.parent} cannot be written to ({error.strerror}): name another place, for named sets with "
                "--data-root"
            ) from error
        try:
            yield beside
            _synced(beside)
            if not (folder.is_dir() and any(folder.iterdir())):
                beside.rename(folder)
        except OSError as error:
            raise WorkError(
                f"{folder} could not be written ({error.strerror or error}): free space and try again"
            ) from error


def _synced(folder: Path) -> None:
    """Bring every file below the folder to the disk, so that a crash after the rename finds them whole."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
