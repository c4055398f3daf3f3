"""The run folder: the one object that knows the names of a run's files and touches them.

Every file but log.txt is written beside, synced and renamed. One process at a time works in a folder.
"""

import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from cellprune.errors import CellpruneError
from cellprune.files.listing import is_litter
from cellprune.runs import (
    atomic,
    cost,
    documents,
    layer_times,
    maskfile,
    metrics,
    modelfile,
    provenance,
    scores,
    split,
    tuning,
)
from cellprune.runs.cost import Cost
from cellprune.runs.layer_times import LayerTimes
from cellprune.runs.lock import LOCK, locked
from cellprune.runs.metrics import Epoch
from cellprune.runs.provenance import Provenance
from cellprune.runs.scores import Scores
from cellprune.runs.split import Split
from cellprune.runs.state import Check, States
from cellprune.runs.tuning import Tuning

FILES = {
    "config": "config.yaml",
    "network": "network.py",
    "split": "split.yaml",
    "provenance": "provenance.json",
    "layer_times": "layer_times.json",
    "masks": maskfile.NAME,
    "cost": "cost.json",
    "metrics": "metrics.csv",
    "tuning": "tuning.json",
    "scores": "scores.json",
    "model": "model.safetensors",
    "log": "log.txt",
    "report": "report.html",
}
STATE = "state"
_BEFORE_WORK = ("config", "network", "split", "provenance", "layer_times", "log")
# how each is read to its end; the report's last words are its closing tag
_WHOLE: dict[str, Callable[[Path], object]] = {
    "config": documents.read_yaml,
    "network": documents.read_text,
    "split": split.read,
    "provenance": provenance.read,
    "layer_times": layer_times.read,
    "masks": maskfile.read,
    "cost": cost.read,
    "metrics": metrics.read,
    "tuning": tuning.read,
    "scores": scores.read,
    "model": modelfile.read,
    "report": lambda path: documents.read_text(path).rstrip().endswith("</html>"),
}


class Folder:
    """A run's folder, there or still to be made.

    `Folder(path)` is enough to read a run; to write one, `Folder.open` it and hold its `lock()`.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._states = States(self.path / STATE)
        self._resume = False

    @classmethod
    def open(cls, path: Path, resume: bool = False) -> "Folder":
        """Give the folder a run may be written to. Nothing is made or changed yet.

        Args:
            path: absent or empty; with `resume` also a run.
            resume: whether to go on with the run that is there, if one is.
        Raises:
            CellpruneError: a file, a folder with other content, a run without `resume`, or no permission.
        """
        folder = cls(path)
        folder._resume = resume
        folder._refuse_content()
        nearest = folder._nearest()
        if not nearest.is_dir():
            raise CellpruneError(f"{nearest} is a file, not a folder: give another --output")
        if not os.access(nearest, os.W_OK | os.X_OK):
            raise CellpruneError(f"no permission to write in {nearest}: give another --output")
        return folder

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Make the folder and hold it for this process; what killed writers left is cleaned away.

        Raises:
            BusyError: another process holds it.
            CellpruneError: another process filled it since it was opened, or it cannot be written.
        """
        with locked(self.path):
            self._refuse_content()  # once more: another run may have come and gone since `open`
            self._states.sweep()
            yield

    def withdraw(self) -> None:
        """Remove what a run writes before its work, unless there is more: a refused run leaves nothing behind."""
        if not self.has_work:
            for kind in _BEFORE_WORK:
                self.file(kind).unlink(missing_ok=True)

    def require_space(self, n_bytes: int) -> None:
        """Refuse to start where the disk has not `n_bytes` free.

        Raises:
            CellpruneError: says how much is needed and how much is there.
        """
        free = shutil.disk_usage(self._nearest()).free
        if free < n_bytes:
            raise CellpruneError(
                f"{self.path} needs {n_bytes / 1e9:.2f} GB, its disk has {free / 1e9:.2f} GB free: "
                "free some, or give another --output"
            )

    @property
    def finished(self) -> bool:
        """Whether the run is complete; its provenance says so, last of all."""
        return self.has("provenance") and bool(self.read_provenance().finished)

    @property
    def has_work(self) -> bool:
        """Whether there is more than what a run writes before its work."""
        return self.has_state or any(self.has(kind) for kind in FILES.keys() - set(_BEFORE_WORK))

    @property
    def has_state(self) -> bool:
        """Whether a state of the training is there, whole or not."""
        return self._states.are_there

    def has(self, kind: str) -> bool:
        """Whether the file of this kind, a key of `FILES`, is there."""
        return self.file(kind).exists()

    def holds(self, kind: str) -> bool:
        """Whether the file of this kind is there, can be read to its end, and says something."""
        try:
            return bool(_WHOLE[kind](self.file(kind)))
        except CellpruneError:
            return False

    def file(self, kind: str) -> Path:
        """Give the path of the file of this kind, a key of `FILES`."""
        return self.path / FILES[kind]

    @property
    def log_path(self) -> Path:
        """The one file that is appended to, line by line."""
        return self.file("log")

    def write_config(self, config: Mapping[str, object]) -> None:
        documents.write_yaml(self.file("config"), config)

    def read_config(self) -> dict[str, Any]:
        return documents.read_yaml(self.file("config"))

    def write_network(self, source: str) -> None:
        """Write the source of a network of the user's own, for the record; nothing runs it."""
        atomic.write_text(self.file("network"), source)

    def write_split(self, value: Split) -> None:
        split.write(self.file("split"), value)

    def read_split(self) -> Split:
        return split.read(self.file("split"))

    def write_provenance(self, made: Provenance) -> None:
        provenance.write(self.file("provenance"), made)

    def read_provenance(self) -> Provenance:
        return provenance.read(self.file("provenance"))

    def write_layer_times(self, times: LayerTimes) -> None:
        layer_times.write(self.file("layer_times"), times)

    def read_layer_times(self) -> LayerTimes:
        return layer_times.read(self.file("layer_times"))

    def write_cost(self, value: Cost) -> None:
        cost.write(self.file("cost"), value)

    def read_cost(self) -> Cost:
        return cost.read(self.file("cost"))

    def write_tuning(self, value: Tuning) -> None:
        tuning.write(self.file("tuning"), value)

    def read_tuning(self) -> Tuning:
        return tuning.read(self.file("tuning"))

    def write_scores(self, value: Scores) -> None:
        scores.write(self.file("scores"), value)

    def read_scores(self) -> Scores:
        return scores.read(self.file("scores"))

    def write_metrics(self, epochs: Sequence[Epoch]) -> None:
        metrics.write(self.file("metrics"), epochs)

    def read_metrics(self) -> tuple[Epoch, ...]:
        return metrics.read(self.file("metrics"))

    def write_masks(self, masks: Mapping[str, np.ndarray]) -> None:
        """Write masks: name -> bool array, True = kept."""
        maskfile.write(self.file("masks"), masks)

    def read_masks(self) -> dict[str, np.ndarray]:
        """Give the masks as written; raises `UnreadableFileError` for any other file."""
        return maskfile.read(self.file("masks"))

    def write_model(
        self, header: Mapping[str, object], weights: Mapping[str, np.ndarray], masks: Mapping[str, np.ndarray]
    ) -> None:
        """Write the model file; see `runs.modelfile.write`."""
        modelfile.write(self.file("model"), header, weights, masks)

    def read_model(self) -> modelfile.Model:
        """Give header, dense weights and masks; see `runs.modelfile.read`."""
        return modelfile.read(self.file("model"))

    def write_report(self, html: str) -> None:
        atomic.write_text(self.file("report"), html)

    def save_state(self, tensors: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> None:
        """Keep this state and the last complete one before it; see `runs.state.States.save`."""
        self._states.save(tensors, meta)

    def load_state(self, check: Check | None = None) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        """Give the last complete state, or None; see `runs.state.States.load`."""
        return self._states.load(check)

    def save_rewind(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Keep the network as it was at an early step, until the run ends."""
        self._states.save_rewind(tensors)

    def load_rewind(self) -> dict[str, np.ndarray]:
        """Give what `save_rewind` kept; see `runs.state.States.load_rewind`."""
        return self._states.load_rewind()

    def drop_state(self) -> None:
        """Remove every state. Call it after `finished` is written: a run with neither would start anew."""
        self._states.drop()

    def _refuse_content(self) -> None:
        try:
            if not self.path.is_dir():
                return
            kinds = dict(_kinds(self.path))
        except OSError as error:
            raise CellpruneError(f"cannot look into {self.path} ({error.strerror}): give another --output") from error
        names = {name for name in kinds if not is_litter(name)} - {LOCK}
        ours = {name for name in names if name in FILES.values() or name == STATE or atomic.is_partial(name)}
        if foreign := names - ours:
            raise CellpruneError(
                f"{self.path} holds {min(foreign)!r}, which no run writes: give an absent or empty folder as --output"
            )
        if ours and not self._resume:
            raise CellpruneError(f"{self.path} holds a run: go on with it by --resume, or give another --output")
        for name in sorted(ours | ({LOCK} & set(kinds))):  # a link would have us write, or remove, what it leads to
            is_right = stat.S_ISDIR if name == STATE or atomic.is_partial(name) else stat.S_ISREG
            if not is_right(kinds[name]):
                what = "a link" if stat.S_ISLNK(kinds[name]) else "of another kind than a run's"
                raise CellpruneError(f"{self.path / name} is {what}, and runs write to their own files only: remove it")

    def _nearest(self) -> Path:
        """The folder itself, or the nearest above it that exists."""
        try:
            return next(folder for folder in (self.path.absolute(), *self.path.absolute().parents) if folder.exists())
        except OSError as error:
            raise CellpruneError(f"cannot reach {self.path} ({error.strerror}): give another --output") from error


def _kinds(folder: Path) -> Iterator[tuple[str, int]]:
    """Give name and kind of what is in a folder, as `lstat` has it; another process may be taking its own away."""
    for entry in folder.iterdir():
        with suppress(FileNotFoundError):
            yield entry.name, entry.lstat().st_mode
