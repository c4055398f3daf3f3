"""table.csv: one row per run and score, so that any program can make any other table of it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from cellprune.runs import documents
from cellprune.tables.links import to_run
from cellprune.tables.result import Result


def write(path: Path, results: Sequence[Result]) -> None:
    """Write the rows, in the order of the results."""
    documents.write_table(path, [row for result in results for row in _rows(result, path.parent)] or [_HEAD])


_HEAD: dict[str, object] = dict.fromkeys(
    (
        "dataset", "model", "target", "method", "granularity", "ratio", "budget", "control", "teacher", "seed",
        "score", "size", "value", "sparsity", "parameters", "parameters_dense", "macs", "macs_dense", "milliseconds",
        "time_share", "model_bytes", "scoring_s", "seconds", "epochs", "learned_nothing", "run",
    )
)  # fmt: skip


def _rows(result: Result, folder: Path) -> Iterator[dict[str, object]]:
    trial, arm, cost = result.trial, result.trial.arm, result.cost
    of_run = {
        "dataset": arm.settings.data.dataset,
        "model": arm.model,
        "target": arm.target if arm.settings.task == "segmentation" else None,
        "method": arm.method,
        "granularity": None if arm.is_dense else arm.settings.pruning.granularity,
        "ratio": float(arm.amount) if arm.amount and "=" not in arm.amount else None,
        "budget": arm.amount if "=" in arm.amount else None,
        "control": arm.control or None,
        "teacher": None if arm.settings.training.teacher is None else str(arm.settings.training.teacher),
        "seed": trial.seed,
        "sparsity": result.sparsity,
        "parameters": cost.parameters,
        "parameters_dense": cost.parameters_dense,
        "macs": cost.macs,
        "macs_dense": cost.macs_dense,
        "milliseconds": result.milliseconds,
        "time_share": cost.time_ratio,
        "model_bytes": cost.bytes,
        "scoring_s": result.times.get("scoring_s"),
        "seconds": result.seconds,
        "epochs": result.n_epochs,
        "learned_nothing": result.nothing or None,
        "run": to_run(result.folder, folder),
    }
    for score in result.scores:
        yield _HEAD | of_run | {"score": score.name, "size": score.size or None, "value": score.value}
