"""Files that are there whole or not at all: written beside, synced to the disk, renamed.

Whoever reads a name, at any moment and after any crash, sees the old content or the new one, never half of either.
"""

import os
import secrets
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cellprune.errors import WorkError

_PARTIAL = ".partial"


class UnwrittenError(WorkError):
    """A file that could not be written: the disk is full, or its folder cannot be written.

    Args:
        what: the file, and why.
        remedy: what to do, where nobody knows better.
    """

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}: {remedy}")
        self.what = what


def write_bytes(path: Path, data: bytes) -> None:
    """Make `data` the whole content of `path`.

    Raises:
        WorkError: the disk is full or the folder cannot be written; the old content stays.
    """
    with replacing(path) as beside:
        beside.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Make `text`, in UTF-8 with its own line ends, the whole content of `path`; raises as `write_bytes`.

    What is no text, as in a file's name that is no UTF-8, stands there as an escape, which JSON reads back.
    """
    write_bytes(path, text.encode(errors="backslashreplace"))


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a name beside `path` to write to; what stands there when the block ends becomes `path`.

    Raises:
        WorkError: the disk is full or the folder cannot be written; the old content stays.
    """
    # a folder, for writers have leftovers of their own; of a name that nobody can have prepared
    private = path.with_name(f".{path.name}{_end()}")
    beside = private / path.name
    try:
        private.mkdir()
        yield beside
        with suppress(
            OSError
        ):  # safetensors hides its files from colleagues; give the usual rights where there are any
            beside.chmod(private.stat().st_mode & 0o666)
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(beside, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise UnwrittenError(
            f"could not write {path} ({error.strerror or error})",
            "free space or mend the folder, then start again (train: with --resume)",
        ) from error
    finally:
        shutil.rmtree(private, ignore_errors=True)


def is_partial(name: str) -> bool:
    """Whether a folder of this name is one that `replacing` writes in."""
    return name.startswith(".") and name.endswith(_PARTIAL)


def sweep(folder: Path, *, of: Collection[str] | None = None) -> None:
    """Remove what killed writers left in `folder`; call it only while no other writer can be at work there.

    Args:
        of: names of the files that they wrote; None for all. Others may write other files meanwhile.
    """
    for leftover in folder.glob(f".*{_PARTIAL}"):
        if of is None or leftover.name[1 : -len(_end())] in of:
            shutil.rmtree(leftover, ignore_errors=True)


def _end() -> str:
    """Give how the name of a folder to write in ends; of one length."""
    return f".{secrets.token_hex(4)}{_PARTIAL}"


def _sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut; Windows has no such call and needs none."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
