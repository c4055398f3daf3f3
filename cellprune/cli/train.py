"""`cellprune train`: one run, from frames to a report."""

import json as text
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from cellprune.cli.terminal import say
from cellprune.config.load import ConfigError, load
from cellprune.config.names import is_dense_family, resolve
from cellprune.config.pruning import AMOUNTS
from cellprune.config.schema import Runtime, Settings

if TYPE_CHECKING:
    from cellprune.runs.folder import Folder

_ASKS = ("method", "granularity", "round_to", "cost", "floor", "effective", "pattern")  # settings that say how to prune


def train(
    *,
    settings: Annotated[Settings, Parameter(name="*")] = Settings(),  # noqa: B008 (a frozen value)
    runtime: Annotated[Runtime, Parameter(name="*")] = Runtime(),  # noqa: B008
    config: Path | None = None,
    set_: Annotated[tuple[str, ...], Parameter(name="--set", negative="", consume_multiple=False)] = (),
    tensorboard: Annotated[Path | None, Parameter(negative="")] = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Prune a network once, at random initialization, train it, and score it on held-out frames.

    Examples:

        cellprune train --prune 0.9 --set model.width=8 --epochs 20

        cellprune train --dataset PhC-C2DH-U373 --prune 0.97

        cellprune train --config configs/u373-prospr-97.yaml --seed 1 --resume

        cellprune train --task classification --dataset cifar10 --model resnet20 --method prospr --prune 0.98

    Parameters
    ----------
    config
        YAML file with any of these settings, such as a run's config.yaml. `--set` wins over it, flags win over both.
    set_
        Any setting as section.key=value, such as --set pruning.inner_steps=5; may be given several times.
    tensorboard
        Folder for curves in TensorBoard's format (needs the extra `tensorboard`).
    json
        Print the result as one JSON object on standard output; progress goes to standard error.
    """
    resolved = load(settings, file=config, assignments=set_)
    _require_amount(resolved, settings, set_)

    from cellprune.cli.estimate import Estimate
    from cellprune.cli.progress import Curves, loading, shown

    with loading():
        from cellprune import experiment
        from cellprune.runs.folder import Folder

    curves = [Curves(tensorboard)] if tensorboard else []
    with shown() as watcher:
        folder: Folder = experiment.run(
            resolved, [watcher, Estimate(), *curves], runtime=runtime, command=["cellprune", *sys.argv[1:]]
        )
    if int(os.environ.get("RANK", 0)) > 0:
        return  # one of several processes speaks for all
    if json:
        print(text.dumps({"run": str(folder.path), "scores": folder.read_scores().summary}))
    else:
        _summarize(folder)


def _require_amount(resolved: Settings, flags: Settings, assignments: tuple[str, ...]) -> None:
    """Refuse flags that say how to prune where nothing says how much: a dense network would be trained in silence.

    A file may hold them for flags to come.
    """
    keys = {f"pruning.{name}" for name in flags.pruning.model_fields_set}
    keys |= {text.partition("=")[0] for text in assignments}
    how, much = ({f"pruning.{name}" for name in names} & keys for names in (_ASKS, AMOUNTS))
    is_said = "dense" in (flags.pruning.method, *(text.partition("=")[2] for text in assignments))
    if resolved.pruning.method == "dense" and how and not much and not is_said:
        raise ConfigError(
            f"{min(how)} is given, but nothing is removed: say how much with --prune or --budget, or train a dense "
            "network with --prune 0"
        )


def _summarize(folder: "Folder") -> None:
    """Say how well the run learned, how small it is where that was asked for, and where its files are."""
    from cellprune.report import sentences

    scores = folder.read_scores()
    say(resolve("results", scores.task).headline(scores))
    cost, method = folder.read_cost(), folder.read_config()["pruning"]["method"]
    if cost.control is not None:
        say(sentences.filled(cost.control, method if is_dense_family(method) else None))
        if cost.latency is not None:
            say(sentences.timed(cost.latency))
    elif cost.latency is not None:
        say(sentences.reached(cost.parameters, cost.budget, cost.latency))
    say("Look at:")
    for kind, what in (
        ("report", "the page with scores and pictures: open it in a browser"),
        ("model", "the trained network"),
        ("scores", "every score, and the counts that it is computed from"),
        ("config", "the settings, for --config"),
    ):
        say(f"  {folder.file(kind)}   {what}")
