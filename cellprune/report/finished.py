"""A finished run as a comparison sees it: read once from its files, plain values from there on."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from cellprune.config.load import completed, flat
from cellprune.config.names import resolve
from cellprune.errors import CellpruneError
from cellprune.report.results import Judged, Results
from cellprune.runs.folder import Folder
from cellprune.wording import reason


@dataclass(frozen=True, eq=False)
class Record:
    """What a finished run leaves behind, as far as runs are compared by it.

    Attributes:
        path: its folder.
        settings: dotted key of config.yaml -> value.
        judged: by what truth, on which images, and the scores.
        results: how results of its task are told.
        metrics: the rows of metrics.csv.
        n_epochs: passes over the training part in all its trainings, and in those that its masks were learned by.
        densities: layer -> share of its weights that is kept, 0..1, in the order of the network.
        cost: parameters, multiply-adds and bytes, as they are and of the dense network, the machine, and "time_ratio",
            the time of an image beside that of the run's own dense network, measured in turn in one process; None where
            no dense network was timed beside this one. Milliseconds of several runs were measured at several loads of
            the machine and are never set side by side.
        nothing: why its network has learned nothing; "" if it has.
        masks: weight's name -> its shape and, one bit a weight, what is kept; empty for a dense run.
    """

    path: Path
    settings: dict[str, Any]
    judged: Judged
    results: Results
    metrics: list[dict[str, Any]]
    n_epochs: int
    densities: dict[str, float]
    cost: dict[str, Any]
    nothing: str
    masks: dict[str, tuple[tuple[int, ...], np.ndarray]]

    @property
    def seed(self) -> int:
        """The seed of initialization, data order and augmentation."""
        return int(self.settings["seed"])

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


def read(paths: Sequence[Path]) -> list[Record]:
    """Read finished runs.

    Raises:
        CellpruneError: no run, one named twice, some not finished, or a file that is missing or damaged.
    """
    twice = [path for path, n in Counter(path.resolve() for path in paths).items() if n > 1]
    if twice:
        raise CellpruneError(f"{twice[0]} is named twice: name each run once")
    for path in paths:
        if not Folder(path).has("config"):
            raise CellpruneError(_no_run(path))
    if unfinished := [str(path) for path in paths if not Folder(path).finished]:
        raise CellpruneError(
            f"not finished: {', '.join(unfinished)}: go on by 'cellprune train --resume', or leave out what is not"
        )
    return [_read(Folder(path)) for path in paths]


def parameters_left(parameters: Mapping[str, int]) -> int:
    """Give the parameters of any kind that no mask removes; masks of channels cover biases and norms, too.

    Args:
        parameters: the part of cost.json of that name; an older one knows of weights alone.
    """
    return parameters.get("left", parameters["total"] - parameters["prunable"] + parameters["kept"])


@contextmanager
def needed(whose: str) -> Iterator[None]:
    """Turn whatever goes wrong with values from a run's files into one line that names the run.

    Raises:
        CellpruneError: something is missing from the files, or is not what it should be.
    """
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, jinja2.UndefinedError) as error:
        raise CellpruneError(
            f"the files of {whose} lack what a report needs ({reason(error)}): make the run again with this cellprune"
        ) from error


def _no_run(path: Path) -> str:
    if not path.exists():
        return f"there is no {path}: give the folders of finished runs"
    if path.is_dir() and any(path.glob("*/config.yaml")):
        return f"{path} is a folder of runs: give the runs in it, {path / '*'}"
    return f"{path} is no run: give the folders of finished runs"


def _read(folder: Folder) -> Record:
    with needed(str(folder.path)):
        return _record(folder)


def _record(folder: Folder) -> Record:
    config, cost, metrics, made = (
        folder.read_config(), folder.read_cost(), folder.read_metrics(), folder.read_provenance()
    )  # fmt: skip
    scores = folder.read_scores()
    settings = dict(flat(completed(config)))
    results: Results = resolve("results", config["task"])
    return Record(
        path=folder.path,
        settings=settings,
        judged=results.together.judged(config, folder.read_split(), scores),
        results=results,
        metrics=metrics,
        n_epochs=made.get("epochs", len(metrics)),
        densities={row["name"]: row["kept"] / row["weights"] for row in cost["layers"]},
        cost=_cost(cost) | {"machine": machine(made, cost["milliseconds"])},
        nothing=results.measure.nothing(scores),
        masks={} if settings["pruning.method"] == "dense" or "control" in cost else _packed(folder.read_masks()),
    )


def _cost(cost: Mapping[str, Any]) -> dict[str, Any]:
    parameters, macs, n_bytes, time = (cost[key] for key in ("parameters", "macs", "bytes", "milliseconds"))
    whole = cost["control"]["whole"] if "control" in cost else {}  # of a small dense network: the one it stands for
    return {
        "parameters": parameters_left(parameters),
        "parameters_dense": whole.get("parameters", parameters["total"]),
        "kept": parameters["kept"] / parameters["prunable"],
        "macs": macs["masked"],
        "macs_dense": whole.get("macs", macs["dense"]),
        "bytes": n_bytes["model_file"],
        "bytes_dense": n_bytes.get("whole_fp32", n_bytes["dense_fp32"]),
        "time_ratio": _time_ratio(time, stands_in="control" in cost),
    }


def _time_ratio(time: Mapping[str, Any], *, stands_in: bool) -> float | None:
    """Give the time of a run's network as a share of its dense one's, of the same measurement."""
    ours, dense = ("dense", "whole") if stands_in else ("pruned", "dense")
    return time[ours] / time[dense] if time.get(ours) and time.get(dense) else None


def machine(made: Mapping[str, Any], time: Mapping[str, Any]) -> str:
    """Say where a run was trained and timed.

    Args:
        made: the content of provenance.json.
        time: the milliseconds of cost.json.
    """
    found = made["machine"]
    computer = f"{found['processor']}, {found['cores']} cores, {found['system']}"
    return f"{computer}; {time['device']}, threads: {time['threads']}"


def _packed(masks: Mapping[str, np.ndarray]) -> dict[str, tuple[tuple[int, ...], np.ndarray]]:
    """One bit a weight: a dozen large networks stay small in memory, and counting is fast."""
    return {name: (mask.shape, np.packbits(mask)) for name, mask in masks.items()}
