"""Runs of many methods as one table and one picture, for docs/results/methods.md, from a file that outlives the runs.

The runs are made by `cellprune train`, one a method, control and seed, alike in all else. What the table needs of each
is kept in one JSON file, a line a run, so that later seeds are set beside earlier ones whose folders are long gone.

    python benchmarks/methods.py docs/measurements/hela.json runs/DIC* --picture docs/pictures/hela-methods.svg
    python benchmarks/methods.py docs/measurements/hela.json        the table again, from what is kept
"""

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from cellprune.config.pruning import Pruning
from cellprune.report.finished import read
from cellprune.report.formatting import share
from cellprune.report.together.figures import differences
from cellprune.report.together.interval import interval
from cellprune.runs.folder import Folder

UNPRUNED = "unpruned"
_WORST_PICTURED = 0.1  # mean difference
_MOST_NAMED = 50  # held-out images or classes whose own score is kept


def main() -> None:
    """Take in new runs, print the table, best first, and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kept", type=Path, help="JSON file with a row a run; new runs are added, known ones renewed")
    parser.add_argument("runs", type=Path, nargs="*", help="folders of finished runs that share their held-out images")
    parser.add_argument("--picture", type=Path, help="the difference of every image from the unpruned network, as SVG")
    arguments = parser.parse_args()
    rows = load(arguments.kept) if arguments.kept.exists() else []
    rows = together(rows, measured(arguments.runs) if arguments.runs else [])
    keep(arguments.kept, rows)
    print("\n".join(table(rows)))
    if arguments.picture:
        arguments.picture.parent.mkdir(parents=True, exist_ok=True)
        arguments.picture.write_text(picture(rows), encoding="utf-8")


def load(file: Path) -> list[dict[str, Any]]:
    """Read the rows that were kept."""
    rows: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return rows


def keep(file: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write the rows, one a line, so that a change shows which run it was."""
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    file.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def together(old: Iterable[dict[str, Any]], new: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Set rows beside each other, by network and seed; a new one takes the place of its like."""
    return list({(row["network"], row["seed"]): row for row in (*old, *new)}.values())


def measured(runs: Sequence[Path]) -> list[dict[str, Any]]:
    """Give what is kept of each run: what it is, its scores, what it costs, and the share kept of each layer."""
    rows = []
    for run in read(runs):
        folder, cost = Folder(run.path), run.cost
        made, size = folder.read_provenance(), next(iter(run.judged.sizes))
        of_each: dict[str, list[float]] = {}
        for key, score in run.judged.images[size].items():
            of_each.setdefault(run.judged.names[key], []).append(score)
        rows.append({
            "network": label(folder),
            "seed": run.seed,
            "score": run.judged.scores[0].at[size],
            "of": run.results.metric.name,
            "of_each": {name: round(mean(s), 6) for name, s in of_each.items()} if len(of_each) <= _MOST_NAMED else {},
            "parameters": cost.parameters / cost.parameters_dense,
            "macs": cost.macs / cost.macs_dense,
            "effective": folder.read_cost().sparsity.effective,
            "epochs": run.n_epochs,
            "training_s": made.times["training_s"],
            "scoring_s": made.times.get("scoring_s"),
            "commit": (made.commit or "")[:7],
            "layers": {name: round(kept, 6) for name, kept in run.densities.items()} if run.masks else {},
        })  # fmt: skip
    return rows


def label(folder: Folder) -> str:
    """Say in a few words how a run was pruned: method, control, share removed, and options that are not the default."""
    pruning = folder.read_config()["pruning"]
    method, control = pruning["method"], pruning.get("control", "none")
    if method == "dense":
        return UNPRUNED
    if method == "given" and (source := Folder(Path(pruning["masks"]))).has("config"):
        method = source.read_config()["pruning"]["method"]
    channels = pruning.get("granularity") == "channel"
    usual = Pruning(method=method, ratio=0.5).options()
    options = [f"{key} {pruning[key]}" for key, value in usual.items() if pruning.get(key, value) != value]
    much = share(pruning["ratio"]) if "budget" not in pruning else f"{pruning['budget']} kept"
    words = [method, "channels" * channels, control.replace("none", ""), much]
    return ", ".join([" ".join(word for word in words if word), *options])


def table(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Give the rows of a Markdown table, one a network, best first: means over seeds, and their interval."""
    lines = [
        f"| network | seeds | {rows[0]['of']} | minus unpruned | parameters | multiply-adds | effectively gone "
        "| epochs | scoring, of its training |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    reference = {row["seed"]: row["score"] for row in rows if row["network"] == UNPRUNED}
    for network in by_score(rows):
        runs = [row for row in rows if row["network"] == network]
        minus = [row["score"] - reference[row["seed"]] for row in runs if row["seed"] in reference]
        # runs have their seconds at different loads of a machine: only times of one run are set beside each other
        scoring = [row["scoring_s"] / row["training_s"] for row in runs if row["scoring_s"] is not None]
        cells = [
            network,
            str(len(runs)),
            f"{mean(row['score'] for row in runs):.4f}",
            "" if network == UNPRUNED or not minus else _with_interval(minus),
            f"{100 * mean(row['parameters'] for row in runs):.1f} %",
            f"{100 * mean(row['macs'] for row in runs):.1f} %",
            f"{100 * mean(row['effective'] for row in runs):.2f} %",
            f"{mean(row['epochs'] for row in runs):.0f}",
            f"{100 * mean(scoring):.0f} %" if scoring else "",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def by_score(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Name the networks, the highest mean score first."""
    scores: dict[str, list[float]] = {}
    for row in rows:
        scores.setdefault(row["network"], []).append(row["score"])
    return sorted(scores, key=lambda network: -mean(scores[network]))


def picture(rows: Sequence[dict[str, Any]]) -> str:
    """Draw the difference of each image, in each seed, from the unpruned network of that seed.

    A network that learned nothing is left to the table: it would squeeze all others into a line.
    """
    reference = {row["seed"]: row["of_each"] for row in rows if row["network"] == UNPRUNED}
    dots = []
    for network in by_score(rows):
        runs = [row for row in rows if row["network"] == network and row["seed"] in reference]
        values = [s - reference[row["seed"]][name] for row in runs for name, s in row["of_each"].items()]
        if network != UNPRUNED and values and mean(values) > -_WORST_PICTURED:
            dots.append((network, 1, values))
    return differences(dots, rows[0]["of"])


def _with_interval(values: Sequence[float]) -> str:
    over = interval(values)
    return f"{mean(values):+.4f}" + (f" ({over[0]:+.4f} to {over[1]:+.4f})" if over else "")


if __name__ == "__main__":
    main()
