"""One process at a time works in a folder: it makes and holds it, and lets it go."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from cellprune.errors import CellpruneError
from cellprune.runs import atomic

LOCK = ".lock"  # there only while a process works, so never part of what it leaves


class BusyError(CellpruneError):
    """Another process is at work in the folder."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make a folder and lock it for this process; what killed writers left is cleaned away.

    A folder that nothing was written into is gone again afterwards.

    Raises:
        BusyError: another process holds it.
        CellpruneError: it cannot be written, or its lock is a link.
    """
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / LOCK).is_symlink():
            raise CellpruneError(f"{folder / LOCK} is a link, and nothing outside the run is written: remove it")
        lock.acquire()
    except Timeout as error:
        raise BusyError(
            f"another process is at work in {folder}: wait for it to end, or give another --output"
        ) from error
    except OSError as error:
        raise CellpruneError(f"cannot write in {folder} ({error.strerror}): give another --output") from error
    try:
        atomic.sweep(folder)
        yield
    finally:
        # removed while still held: one who waits on the removed file sees that and starts over
        with suppress(OSError):
            (folder / LOCK).unlink(missing_ok=True)
        lock.release()
        for parent in made:
            with suppress(OSError):
                parent.rmdir()
