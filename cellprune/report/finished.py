"""A finished run as a comparison sees it: read once from its files, plain values from there on."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cellprune.config.load import completed, flat
from cellprune.config.names import resolve
from cellprune.errors import CellpruneError
from cellprune.evaluation.overlap import Masks, packed
from cellprune.report import files
from cellprune.report.results import ImageKey, Judged, Results
from cellprune.runs import provenance
from cellprune.runs.cost import Cost
from cellprune.runs.finished import require_run
from cellprune.runs.folder import Folder
from cellprune.runs.metrics import Epoch
from cellprune.runs.provenance import Provenance
from cellprune.runs.scores import Scores
from cellprune.runs.split import Split


@dataclass(frozen=True)
class Spent:
    """What a run's network costs, and the one that nothing was removed from.

    Attributes:
        parameters, macs, bytes: as they are; with "_dense", of the dense network.
        kept: share of the prunable weights that stays.
        has_zeros: whether what was removed is still multiplied; `macs` are without it.
        time_ratio: the time of an image beside that of the run's own dense network, measured in turn in one process;
            None where no dense network was timed beside this one. Milliseconds of several runs were measured at several
            loads of the machine and are never set side by side.
        machine: that it was trained and timed on.
    """

    parameters: int
    parameters_dense: int
    kept: float
    has_zeros: bool
    macs: int
    macs_dense: int
    bytes: int
    bytes_dense: int
    time_ratio: float | None
    machine: str


@dataclass(frozen=True, eq=False)
class FinishedRun:
    """What a finished run leaves behind, as far as runs are compared by it.

    Attributes:
        path: its folder.
        settings: dotted key of config.yaml -> value.
        judged: by what truth, on which images, and the scores.
        results: how results of its task are told.
        epochs: what came of each epoch.
        n_epochs: passes over the training part in all its trainings, and in those that its masks were learned by.
        densities: layer -> share of its weights that is kept, 0..1, in the order of the network.
        nothing: why its network has learned nothing; "" if it has.
        masks: what is kept; empty for a dense run.
    """

    path: Path
    settings: Mapping[str, Any]
    judged: Judged
    results: Results[Scores, Split]
    epochs: tuple[Epoch, ...]
    n_epochs: int
    densities: Mapping[str, float]
    cost: Spent
    nothing: str
    masks: Masks

    @property
    def seed(self) -> int:
        """The seed of initialization, data order and augmentation."""
        return int(self.settings["seed"])

    def shared_with(self, other: "FinishedRun") -> list[ImageKey]:
        """Give the images that both hold out, file by file the same."""
        return [key for key, files in self.judged.files.items() if other.judged.files.get(key) == files]

    @property
    def is_dense(self) -> bool:
        """Whether nothing was pruned."""
        return bool(self.settings["pruning.method"] == "dense")


def unfinished(paths: Sequence[Path]) -> list[Path]:
    """Give those of the folders that hold a run which was begun, perhaps only just, and is not at its end."""
    return [path for path in paths if path.is_dir() and not Folder(path).finished and _is_a_runs(path)]


def _is_a_runs(path: Path) -> bool:
    """Whether a folder is a run's, or could still become one: it holds nothing else, or nothing."""
    try:
        Folder.open(path, resume=True)
    except CellpruneError:
        return Folder(path).has("config")
    return True


def read(paths: Sequence[Path]) -> list[FinishedRun]:
    """Read finished runs.

    Raises:
        CellpruneError: no run, one named twice, some not finished, or a file that is missing or damaged.
    """
    twice = [path for path, n in Counter(path.resolve() for path in paths).items() if n > 1]
    if twice:
        raise CellpruneError(f"{twice[0]} is named twice: name each run once")
    for path in paths:
        require_run(path)
    if unfinished := [str(path) for path in paths if not Folder(path).finished]:
        raise CellpruneError(
            f"not finished: {', '.join(unfinished)}: go on by 'cellprune train --resume', or leave out what is not"
        )
    return [_read(Folder(path)) for path in paths]


def _read(folder: Folder) -> FinishedRun:
    said = files.read(folder)
    with files.needed(str(folder.path)):
        settings = dict(flat(completed(said.config)))
        results: Results[Scores, Split] = resolve("results", said.config["task"])
        is_masked = settings["pruning.method"] != "dense" and said.cost.control is None
        return FinishedRun(
            path=folder.path,
            settings=settings,
            judged=results.together.judged(said),
            results=results,
            epochs=said.epochs,
            n_epochs=said.n_epochs,
            densities={layer.name: layer.kept / layer.weights for layer in said.cost.layers},
            cost=spent(said.cost, said.made),
            nothing=results.metric.nothing(said.scores),
            masks=packed(folder.read_masks()) if is_masked else {},
        )


def spent(cost: Cost, made: Provenance) -> Spent:
    """Give what a run's network costs, from its files."""
    whole = cost.control.whole if cost.control else None  # of a small dense network: the one it stands for
    return Spent(
        parameters=cost.parameters.left,
        parameters_dense=whole.parameters if whole else cost.parameters.total,
        kept=cost.parameters.kept / cost.parameters.prunable,
        has_zeros=cost.macs.masked < cost.macs.dense and not cost.shrunk,
        macs=cost.macs.masked,
        macs_dense=whole.macs if whole else cost.macs.dense,
        bytes=cost.bytes.model_file,
        bytes_dense=cost.bytes.dense_fp32 if cost.bytes.whole_fp32 is None else cost.bytes.whole_fp32,
        time_ratio=cost.time_ratio,
        machine=provenance.machine(made, cost.milliseconds),
    )
