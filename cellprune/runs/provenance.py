"""provenance.json: how a run was made. Names of users and hosts stay out of it."""

import hashlib
import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from cellprune.machine import environment, processor
from cellprune.runs import documents
from cellprune.runs.commit import commit
from cellprune.runs.cost import Milliseconds, StandIn

_LIBRARIES = (
    "cellprune", "torch", "monai", "albumentations", "accelerate", "numpy", "scikit-image", "tifffile", "imagecodecs",
)  # fmt: skip


@dataclass(frozen=True)
class Machine:
    """A computer, and the variables of its environment that may have a say in threads and kernels."""

    system: str
    processor: str
    cores: int | None
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Data:
    """The data set that was asked for, and the hash of the settings and of the content of its files."""

    dataset: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Process:
    """The process that makes something.

    Attributes:
        started: time, UTC.
        command: the command line, as the user gave it; folders above the home folder are cut to "~".
        commit: of the clone that the code ran from; None where it was none.
        versions: of Python and libraries; None for one that is not installed.
    """

    started: str
    command: tuple[str, ...]
    commit: str | None
    versions: Mapping[str, str | None]
    machine: Machine


@dataclass(frozen=True, kw_only=True)
class Provenance(Process):
    """The content of provenance.json: the process that began the run, and what it says of the run.

    Attributes:
        threads: of torch.
        device: that the network was trained on.
        precision: of the training's forward pass.
        processes: that shared each batch.
        segments: what memory allowed for the scoring, by name; chosen once and kept by every resume.
        stages: what each training of the run is for; "" says nothing.
        times: seconds of each phase, "training_s".
        epochs_of_masks: passes over the training part that given masks were found by.
        resumed: times at which the run was gone on with.
        epochs: passes over the training part in all, those of the masks among them; None until it is trained.
        control: the small dense network that is trained in the pruned one's place; chosen once, as `segments` are.
        finished: time at which the run was complete, written last of all; None until then.
    """

    threads: int
    device: str
    precision: str
    processes: int
    data: Data
    segments: Mapping[str, int | None]
    stages: tuple[str, ...]
    times: Mapping[str, float]
    epochs_of_masks: int = 0
    resumed: tuple[str, ...] = ()
    epochs: int | None = None
    control: StandIn | None = None
    finished: str | None = None


def write(path: Path, made: Provenance) -> None:
    """Write provenance.json, whole or not at all."""
    documents.write_json(path, documents.plain(made))


def read(path: Path) -> Provenance:
    """Read a provenance.json of this version or an older one; CellpruneError where it is absent or damaged."""
    return documents.checked(path, Provenance, documents.read_json(path), _mended)


def _mended(content: dict[str, Any]) -> dict[str, Any]:
    """Add what older versions did not write: no list of trainings, no segments where nothing was to be chosen."""
    machine = {"environment": {}} | content["machine"]
    return {"stages": [], **content, "machine": machine, "segments": content.get("segments") or {}}


def gather(command: Sequence[str]) -> Process:
    """Describe this process."""
    return Process(
        started=now(),
        command=tuple(word.replace(str(Path.home()), "~") for word in command),
        commit=commit(Path(__file__).parents[1]),
        versions={"python": platform.python_version()} | {name: _version(name) for name in _LIBRARIES},
        machine=Machine(
            system=f"{platform.system()} {platform.machine()}",
            processor=processor.name(),
            cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            environment=dict(environment.recorded()),
        ),
    )


def begin(
    command: Sequence[str],
    *,
    threads: int,
    device: str,
    precision: str,
    processes: int,
    data: Data,
    segments: Mapping[str, int | None],
    stages: Sequence[str],
    epochs_of_masks: int,
) -> Provenance:
    """Describe this process and the run that it begins; see `Provenance`."""
    return Provenance(
        **vars(gather(command)),
        threads=threads,
        device=device,
        precision=precision,
        processes=processes,
        data=data,
        segments=segments,
        stages=tuple(stages),
        times={},
        epochs_of_masks=epochs_of_masks,
    )


def digest(made: Provenance) -> str:
    """Hash how a run was made (hex, sha256), as its model file names it; the time of its end, which comes later, apart.

    So a model file that was taken out of its run can be told to be of this run.
    """
    content = documents.plain(replace(made, finished=None))
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def machine(made: Provenance, time: Milliseconds) -> str:
    """Say where a run was trained and timed, on one line."""
    computer = f"{made.machine.processor}, {made.machine.cores} cores, {made.machine.system}"
    return f"{computer}; {time.device}, threads: {time.threads}"


def now() -> str:
    """Give the time, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
