"""Folders for a while: gone when their process is done, and when it was killed, gone with the next one like it.

Each has a lock beside it, which its process holds from before the folder is made until after it is removed. So who gets
the lock knows that nobody works in the folder any more, whatever machine or container made it.
"""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

_END, _LOCK = ".partial", ".lock"


@contextmanager
def made(parent: Path, name: str) -> Iterator[Path]:
    """Give a new empty folder in `parent`, hidden and of a name that nobody can have prepared; remove it at the end.

    Those of the same name that killed processes left are removed first; those of processes at work stay.

    Raises:
        OSError: `parent` cannot be written to.
    """
    _sweep(parent, name)
    folder = parent / f".{name}.{secrets.token_hex(4)}{_END}"
    lock = FileLock(_lock_of(folder))
    lock.acquire()
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        _remove(folder, lock)


def _sweep(parent: Path, name: str) -> None:
    leftovers = [path for path in parent.glob(f".{name}.*") if path.name.endswith((_END, _END + _LOCK))]
    for folder in {path.with_name(path.name.removesuffix(_LOCK)) for path in leftovers}:
        if not all(map(_is_ours, (folder, _lock_of(folder)))):
            continue
        lock = FileLock(_lock_of(folder), timeout=0)
        with suppress(Timeout, OSError):
            lock.acquire()
            _remove(folder, lock)


def _remove(folder: Path, lock: FileLock) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        _lock_of(folder).unlink(missing_ok=True)  # while still held: who waits for it sees that, and starts over
    lock.release()


def _lock_of(folder: Path) -> Path:
    return folder.with_name(folder.name + _LOCK)


def _is_ours(path: Path) -> bool:
    """Whether a path is absent, or this user's and no link: in a folder for all, others may lay out theirs."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return not path.is_symlink() and (not hasattr(os, "getuid") or status.st_uid == os.getuid())
