"""table.csv: one row per run and score, so that any program can make any other table of it."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cellprune.runs import documents
from cellprune.tables.beside import Compared, Comparison
from cellprune.tables.links import to_run
from cellprune.tables.result import Result


def write(path: Path, results: Sequence[Result], comparison: Comparison | None = None) -> None:
    """Write the rows, in the order of the results.

    Args:
        comparison: with a published table, which has columns of its own at the end.
    """
    if comparison is None:
        documents.write_table(path, [row for result in results for row in _rows(result, path.parent)] or [_HEAD])
        return
    of = {one.standing.arm: one for one in comparison.compared}
    rows = [
        row | _PUBLISHED | _beside(row, own)
        for result in results
        for own in [of.get(result.trial.arm)]
        for row in [*_rows(result, path.parent), *_time_share(result, own, path.parent)]
    ]
    documents.write_table(path, rows or [_HEAD | _PUBLISHED])


def _beside(row: Mapping[str, object], own: Compared | None) -> dict[str, object]:
    """Give of a row where it stands in the published table, and the number beside it where that is of this score."""
    if own is None:
        return {}
    place: dict[str, object] = {
        "table_row": own.slot.row,
        "table_column": own.slot.column,
        "reduced": "; ".join(own.reduced) or None,
    }
    ours, published = row["value"], own.slot.value
    is_compared = row["score"] == own.slot.quantity and row["size"] in (None, "network")
    if not is_compared or published is None or not isinstance(ours, float):
        return place
    return place | {"published": published, "spread": own.slot.spread, "difference": ours - published}


def _time_share(result: Result, own: Compared | None, folder: Path) -> Iterator[dict[str, object]]:
    """Give the row of what is no score of a network."""
    if own is not None and own.slot.quantity == "time_share" and (share := own.of_seeds.get(result.trial.seed)):
        of_run = next(_rows(result, folder))
        yield of_run | {"score": "time_share", "size": None, "value": share}


_HEAD: dict[str, object] = dict.fromkeys(
    (
        "dataset", "model", "target", "method", "granularity", "ratio", "budget", "control", "teacher", "seed",
        "score", "size", "value", "sparsity", "parameters", "parameters_dense", "macs", "macs_dense", "milliseconds",
        "time_share", "model_bytes", "scoring_s", "seconds", "epochs", "learned_nothing", "run",
    )
)  # fmt: skip

_PUBLISHED: dict[str, object] = dict.fromkeys(
    ("table_row", "table_column", "published", "spread", "difference", "reduced")
)


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
