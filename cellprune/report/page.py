"""report.html: one page that tells the whole run, made from the run's files alone.

It holds everything it shows, runs no script and asks no network; every text from outside is escaped.
"""

import shlex
from collections.abc import Mapping
from pathlib import Path

from cellprune.config.names import is_dense_family, resolve, when
from cellprune.report import figures, files, sentences
from cellprune.report.files import RunFiles
from cellprune.report.results import Results
from cellprune.report.template import render, source
from cellprune.runs import atomic
from cellprune.runs.folder import Folder
from cellprune.runs.scores import Scores
from cellprune.runs.split import Split
from cellprune.wording import many

_AT_ONCE = {"segment": "meta step", "micro_batch": "image"}  # what memory allowed for the scoring


def write(folder: Folder, output: Path | None = None) -> None:
    """Write the report of a run, from the files that are in its folder.

    Args:
        folder: a run that has all its files but the report.
        output: the page's path; None for the run's own report.html.
    Raises:
        CellpruneError: a file is missing or damaged; the message names it.
    """
    said = files.read(folder)
    with files.needed(str(folder.path)):
        results: Results[Scores, Split] = resolve("results", said.config["task"])
        html = render(results.template, {**_content(said, results), **results.content(said)})
    if output is None:
        folder.write_report(html)
    else:
        atomic.write_text(output, html)


def _content(said: RunFiles[Scores, Split], results: Results[Scores, Split]) -> Mapping[str, object]:
    """What the page tells of every task, by the names the template has for it."""
    config, cost, made, epochs = said.config, said.cost, said.made, said.epochs
    control, method, round_to = cost.control, config["pruning"]["method"], config["pruning"].get("round_to", 1)
    family = method if is_dense_family(method) else None
    pruned = method != "dense" and not control
    return {
        "config": config,
        "made": made,
        "cost": cost,
        "pruned": pruned,
        "control": sentences.stands_in(control, cost.latency, family, round_to=round_to) if control else None,
        "family": family,
        "when": when(method),
        "n_trainings": len({epoch.stage for epoch in epochs}),
        "n_epochs": many(said.n_epochs, "epoch"),
        "amount": sentences.amount(config["pruning"]),
        "gain": sentences.gain(cost) if pruned else None,
        "reached": sentences.reached(cost.parameters, cost.budget, cost.latency) if pruned else None,
        "paths": sentences.paths(cost.sparsity) if pruned else None,
        "deaths": sentences.deaths(cost.dead_layers),
        "taught": sentences.taught(config["training"].get("teacher"), config["training"].get("teacher_weight")),
        "nothing": results.metric.nothing(said.scores),
        "network": sentences.network({**config["model"], **({"widths": control.widths} if control else {})}),
        "layers": cost.layers,
        "sparsity_figure": source(moved) if (moved := figures.sparsity(epochs)) else None,
        "layers_figure": source(figures.layers(cost.layers, by_channel=cost.channels is not None)),
        "command": shlex.join(made.command),
        "at_once": ", ".join(f"{many(n, _AT_ONCE[name])} at once" for name, n in made.segments.items() if n),
    }
