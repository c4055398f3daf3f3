"""report.html: one page that tells the whole run, made from the run's files alone.

It holds everything it shows, runs no script and asks no network; every text from outside is escaped.
"""

import shlex
from pathlib import Path
from typing import Any

from cellprune.config.names import resolve, when
from cellprune.report import figures, sentences
from cellprune.report.finished import needed
from cellprune.report.results import Results
from cellprune.report.template import render, source
from cellprune.runs import atomic
from cellprune.runs.folder import Folder
from cellprune.wording import many


def write(folder: Folder, output: Path | None = None) -> None:
    """Write the report of a run, from the files that are in its folder.

    Args:
        folder: a run that has all its files but the report.
        output: the page's path; None for the run's own report.html.
    Raises:
        CellpruneError: a file is missing or damaged; the message names it.
    """
    with needed(str(folder.path)):
        results: Results = resolve("results", folder.read_config()["task"])
        html = render(results.template, _told(folder, results) | results.told(folder))
    if output is None:
        folder.write_report(html)
    else:
        atomic.write_text(output, html)


def _told(folder: Folder, results: Results) -> dict[str, Any]:
    """What the page tells of every task, by the names the template has for it."""
    config, split, cost = folder.read_config(), folder.read_split(), folder.read_cost()
    made, metrics = folder.read_provenance(), folder.read_metrics()
    control = cost.get("control")
    pruned = config["pruning"]["method"] != "dense" and not control
    return {
        "config": config,
        "split": split,
        "made": {"resumed": None, "stages": [], **made},
        "cost": cost,
        "pruned": pruned,
        "control": sentences.stands_in(control) if control else None,
        "when": when(config["pruning"]["method"]),
        "n_trainings": len({row["stage"] for row in metrics}),
        "n_epochs": many(made.get("epochs", len(metrics)), "epoch"),
        "amount": sentences.amount(config["pruning"]),
        "gain": sentences.gain(cost) if pruned else None,
        "reached": sentences.reached(cost) if pruned else None,
        "paths": sentences.paths(cost) if pruned else None,
        "deaths": sentences.deaths(cost.get("dead_layers", [])),
        "nothing": results.measure.nothing(folder.read_scores()),
        "network": sentences.network(config["model"] | ({"widths": control["widths"]} if control else {})),
        "layers": cost["layers"],
        "sparsity_figure": source(moved) if (moved := figures.sparsity(metrics)) else None,
        "layers_figure": source(figures.layers(cost["layers"], by_channel="channels" in cost)),
        "command": shlex.join(made.get("command", [])),
        "segments": ", ".join(
            f"{name.replace('_', ' ')} {n}" for name, n in (made.get("segments") or {}).items() if n is not None
        ),
    }
