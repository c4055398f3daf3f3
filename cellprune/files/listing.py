"""What lies in a folder that somebody names: the one place that lists one, and that knows what is nobody's content.

Nothing is opened here. A link counts as what it leads to; what is neither a file nor a folder in the end (a link to
nothing, a pipe, a device) is given with the reason, so that it can be named and is never waited for.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cellprune.errors import CellpruneError

# left by file browsers, file servers and archivers that only looked; in lower case
_LITTER = {
    ".ds_store", ".appledouble", ".apdisk", ".fseventsd", ".spotlight-v100", ".temporaryitems", ".trashes", "__macosx",
    "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information", "lost+found", ".directory",
    "@eadir", "#recycle", "@recycle", "@recently-snapshot",
}  # fmt: skip
_LITTER_STARTS = ("._", ".nfs", ".fuse_hidden", ".~lock.", "~$")

Kind = Literal["file", "folder", "neither"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a folder.

    Attributes:
        folder: where it lies.
        name: as it is written there.
        kind: what it is, or what it leads to.
        fault: of `neither`: what is wrong and what to do, as the rest of a sentence that begins with the path.
    """

    folder: Path
    name: str
    kind: Kind
    fault: str = ""

    @property
    def path(self) -> Path:
        """Folder and name; made when asked for, as it takes longer than all the rest where there are many."""
        return self.folder / self.name


def is_litter(name: str) -> bool:
    """Tell what file browsers, servers and archivers leave behind from what a person put there."""
    return name.lower() in _LITTER or name.startswith(_LITTER_STARTS)


def names(folder: Path) -> list[str]:
    """Give the names of all that lies in a folder, sorted, without litter; empty where the folder is not there.

    Raises:
        OSError: it is no folder, or may not be listed.
    """
    try:
        return sorted(name for name in os.listdir(folder) if not is_litter(name))
    except FileNotFoundError:
        return []


def below(folder: Path) -> list[str]:
    """Give the files of a folder and of all folders in it: their paths from there, with slashes, sorted.

    For folders that a program wrote, such as an array in pieces: what a person would not have put there is not told.
    """
    found = ((Path(root).relative_to(folder), names) for root, _, names in os.walk(folder))
    return sorted((inside / name).as_posix() for inside, names in found for name in names if not is_litter(name))


def listed(folder: Path) -> list[Entry]:
    """List what lies in a folder, by name, without litter and without what is hidden.

    Raises:
        CellpruneError: the folder is not there, is no folder, or may not be listed.
    """
    try:
        with os.scandir(folder) as entries:
            shown = sorted((e for e in entries if e.name[0] != "." and not is_litter(e.name)), key=lambda e: e.name)
    except OSError as error:
        raise CellpruneError(f"{folder} {_fault(error)}") from error
    return [_scanned(folder, entry) for entry in shown]


def entry(path: Path) -> Entry | None:
    """Look at one path; None where nothing is, not even a link."""
    try:
        return Entry(path.parent, path.name, *_kind(os.stat(path).st_mode))
    except OSError as error:
        try:
            fault = _broken(path) if stat.S_ISLNK(os.lstat(path).st_mode) else _fault(error)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:
            fault = _fault(error)
        return Entry(path.parent, path.name, "neither", fault)


def _scanned(folder: Path, scanned: os.DirEntry[str]) -> Entry:
    """Tell files and folders without asking the file system again, which takes long for many."""
    if not scanned.is_symlink():
        if scanned.is_file(follow_symlinks=False):
            return Entry(folder, scanned.name, "file")
        if scanned.is_dir(follow_symlinks=False):
            return Entry(folder, scanned.name, "folder")
    return entry(folder / scanned.name) or Entry(folder, scanned.name, "neither", "is gone: start again")


def _kind(mode: int) -> tuple[Kind, str]:
    if stat.S_ISREG(mode):
        return "file", ""
    if stat.S_ISDIR(mode):
        return "folder", ""
    what = "a pipe" if stat.S_ISFIFO(mode) else "a socket" if stat.S_ISSOCK(mode) else "a device"
    return "neither", f"is {what}, not a file, and is not opened: save its content as a file"


def _broken(path: Path) -> str:
    try:
        os.stat(path)
    except FileNotFoundError:
        return (
            f"is a link to {os.readlink(path)!r}, which is not there: bring its content "
            "(git annex get, datalad get), or remove the link"
        )
    except OSError as error:
        return _fault(error) if isinstance(error, PermissionError) else "is a link that leads nowhere: remove it"
    return "is a link that changed just now: start again"


def _fault(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "may not be read by this user: change its permissions"
    return f"cannot be looked at ({error.strerror or error}): check the path"
