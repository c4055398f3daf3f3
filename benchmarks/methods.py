"""Runs of many methods as one table and one picture, for docs/results.md: from the runs' files alone.

The runs are made by `cellprune train`, one a method, control and seed; the reference is the unpruned one of each seed.

    python benchmarks/methods.py runs/DIC-C2DH-HeLa* --picture docs/pictures/hela-methods.svg
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cellprune.report.comparison import compare
from cellprune.report.figures_together import differences
from cellprune.report.record import read
from cellprune.runs.folder import Folder


def main() -> None:
    """Print the table, best first, and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+", help="folders of finished runs that share their held-out frames")
    parser.add_argument("--picture", type=Path, help="the difference of every image from the unpruned network, as SVG")
    arguments = parser.parse_args()
    groups = compare(read(arguments.runs))
    if len(groups) != 1:
        parser.error("these runs are judged by different images or truth: give those of one data set and policy")
    runs = sorted(groups[0]["runs"], key=_score, reverse=True)
    print("\n".join(table(runs, groups[0]["score"])))
    for over in groups[0]["seeds"]:
        at = next(iter(over["interval"]))
        if over["interval"][at]:
            low, high = over["interval"][at]
            print(f"{over['label']}: {over['mean'][at]:+.4f}, 95 % interval {low:+.4f} to {high:+.4f}")
    if arguments.picture:
        arguments.picture.parent.mkdir(parents=True, exist_ok=True)
        rows = [(run["label"], 1, list(_difference(run)["by_name"].values())) for run in runs if _difference(run)]
        arguments.picture.write_text(differences(rows, groups[0]["score"]), encoding="utf-8")


def table(runs: Sequence[Mapping[str, Any]], score: str) -> list[str]:
    """Give the rows of a Markdown table, one a run."""
    rows = [
        f"| network | {score} | minus unpruned | parameters | multiply-adds | effectively gone | training | scoring |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for run in runs:
        folder = Folder(Path(run["path"]))
        times, cost = folder.read_provenance()["times"], run["cost"]
        cells = [
            run["label"],
            f"{_score(run):.4f}",
            f"{_difference(run)['mean']:+.4f}" if _difference(run) else "",
            f"{100 * cost['parameters'] / cost['parameters_dense']:.1f} %",
            f"{100 * cost['macs'] / cost['macs_dense']:.1f} %",
            f"{100 * folder.read_cost()['sparsity']['effective']:.2f} %",
            f"{times['training_s']:.0f} s",
            f"{times['scoring_s']:.0f} s" if "scoring_s" in times else "",
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def _score(run: Mapping[str, Any]) -> float:
    """The headline, at the network's size."""
    return float(next(iter(next(iter(run["scores"].values())).values())))


def _difference(run: Mapping[str, Any]) -> dict[str, Any]:
    return next(iter(run["differences"].values())) or {} if run["differences"] else {}


if __name__ == "__main__":
    main()
