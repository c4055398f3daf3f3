"""The saved state of a run: the last complete one and the one before, each whole or not at all.

A state is two files, `N.safetensors` with the tensors and `N.json` with the rest and a checksum over both. The JSON is
renamed into place last, so it is what makes a state complete; and only then is the oldest one removed. A machine may be
switched off at any moment.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cellprune.errors import WorkError
from cellprune.runs import atomic, container

_KIND, _REWIND_KIND, _VERSION = "state", "rewind", 1
_log = logging.getLogger(__name__)

Check = Callable[[Mapping[str, np.ndarray], Mapping[str, Any]], None]
# whatever a file of ours can be after a fault of the disk, or after somebody's hands
_DAMAGES = (
    container.UnreadableFileError, ValueError, TypeError, LookupError, AttributeError, RecursionError, OSError,
)  # fmt: skip


class States:
    """The states in one folder; the folder is made with the first and removed with the last."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._good: int | None = None  # the newest state known to be complete: the one to keep beside a new one
        self._bad: set[int] = set()  # states that were passed over, for good

    def save(self, tensors: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> None:
        """Add a state; keep it and the last good one, remove the others.

        Args:
            tensors: name -> array of any shape, 0-d included.
            meta: JSON values. Keys become strings and tuples lists, as JSON has it.
        Raises:
            WorkError: the disk is full or the folder cannot be written; the states so far stay.
        """
        self._make_folder()
        number = max(self._numbers(".safetensors") + self._numbers(".json"), default=0) + 1
        container.write(self._tensors(number), tensors, kind=_KIND, version=_VERSION, note={})
        text = json.dumps(meta)
        seal = {"sha256": _digest(self._tensors(number), text), "meta": text}
        atomic.write_text(self._json(number), json.dumps(seal))
        before = self._good if self._good is not None else max(self._complete()[1:], default=None)
        for old in {*self._numbers(".safetensors"), *self._numbers(".json")} - {number, before}:
            self._remove(old)
        self._good = number

    def load(self, check: Check | None = None) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        """Give the last complete state's tensors and meta; None where no state was ever completed.

        A damaged one is passed over, with a warning in the log, for the one before, now and in later calls.

        Args:
            check: takes tensors and meta; raises ValueError where they are not what the caller can use.
        Raises:
            WorkError: every state there is damaged.
        """
        numbers = self._complete()
        for number in numbers:
            if number in self._bad:
                continue
            try:
                state = self._read(number)
                if check is not None:
                    check(*state)
            except _DAMAGES as error:
                reason = " ".join(str(error).split())
                _log.warning("%s is damaged (%s): going back to the state before it", self._tensors(number), reason)
                self._bad.add(number)
                continue
            self._good = number
            return state
        if numbers:
            raise WorkError(f"every state in {self.folder} is damaged: delete that folder to start from the beginning")
        return None

    @property
    def are_there(self) -> bool:
        """Whether a state was ever completed and is there, damaged or not."""
        return bool(self._complete())

    def save_rewind(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Keep the tensors that later stages go back to, beside the states, until `drop`."""
        self._make_folder()
        note = {"sha256": container.digest(tensors)}
        container.write(self._rewind, tensors, kind=_REWIND_KIND, version=_VERSION, note=note)

    def load_rewind(self) -> dict[str, np.ndarray]:
        """Give what `save_rewind` kept.

        Raises:
            WorkError: it is gone or damaged; no later stage can begin without it.
        """
        try:
            tensors, note = container.read(self._rewind, kind=_REWIND_KIND, version=_VERSION)
            if note.get("sha256") not in (None, container.digest(tensors)):  # older ones have none
                raise container.UnreadableFileError(f"{self._rewind} is damaged: its checksum differs")
            return tensors
        except container.UnreadableFileError as error:
            raise WorkError(f"the weights to rewind to are lost ({error}): start the run anew") from error

    def sweep(self) -> None:
        """Remove what killed writers left; call it only while no other writer can be at work."""
        atomic.sweep(self.folder)

    def drop(self) -> None:
        """Remove every state and, when nothing else is in it, the folder."""
        if not self.folder.exists():
            return
        self.sweep()
        for number in {*self._numbers(".safetensors"), *self._numbers(".json")}:
            self._remove(number)
        self._rewind.unlink(missing_ok=True)
        if not any(self.folder.iterdir()):
            self.folder.rmdir()
        self._good = None

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise WorkError(
                f"could not make {self.folder} ({error.strerror}): free space or mend the folder, then go on with "
                "--resume"
            ) from error

    def _read(self, number: int) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        seal = json.loads(self._json(number).read_text(encoding="utf-8"))
        if _digest(self._tensors(number), seal["meta"]) != seal["sha256"]:
            raise ValueError("its checksum differs")
        tensors, _ = container.read(self._tensors(number), kind=_KIND, version=_VERSION)
        return tensors, json.loads(seal["meta"])

    def _remove(self, number: int) -> None:
        self._json(number).unlink(missing_ok=True)  # first: without it the tensors count for nothing
        self._tensors(number).unlink(missing_ok=True)

    def _complete(self) -> list[int]:
        """Numbers of the states whose JSON is there, newest first."""
        return sorted(self._numbers(".json"), reverse=True)

    def _numbers(self, suffix: str) -> list[int]:
        return [int(path.stem) for path in self.folder.glob(f"*{suffix}") if path.stem.isdecimal()]

    @property
    def _rewind(self) -> Path:
        return self.folder / "rewind.safetensors"

    def _tensors(self, number: int) -> Path:
        return self.folder / f"{number:06d}.safetensors"

    def _json(self, number: int) -> Path:
        return self.folder / f"{number:06d}.json"


def _digest(tensors: Path, meta: str) -> str:
    """Hash the file as it now stands on the disk, then the meta text."""
    with tensors.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    digest.update(meta.encode())
    return digest.hexdigest()
