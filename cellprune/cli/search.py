"""`cellprune search-max-ratio`: the highest ratio that costs no score, with the evidence."""

import json as text
import sys
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from cellprune.cli.terminal import hush, say, tell
from cellprune.cli.trainers import refuse_trainers, trainers
from cellprune.cli.whole_number import WholeNumber
from cellprune.config.load import ConfigError, load, merged
from cellprune.config.names import method
from cellprune.config.schema import Settings
from cellprune.config.search import Search
from cellprune.config.shares import COSTS
from cellprune.errors import CellpruneError

if TYPE_CHECKING:
    from cellprune.campaign.workers import Execute
    from cellprune.search.plan import Plan
    from cellprune.search.question import Question, Workspace
    from cellprune.search.tell.answer import Answer

_SEARCHED = {
    "pruning.ratio": "the ratio is what is searched, between --low and --high",
    "pruning.budget": "the ratio is what is searched, between --low and --high; --unit says of what",
    "seed": "seeds are counted: --seeds while searching, --confirm-seeds for the claim",
    "data.select": "the search sets its own frames apart",
    "data.fold": "--cv K goes through the folds",
    "pruning.masks": "other ratios need other masks",
    "pruning.control": "--controls trains the controls of the ratio that is found",
}


def search_max_ratio(
    *,
    settings: Annotated[Settings, Parameter(name="*")] = Settings(),  # noqa: B008 (a frozen value)
    search: Annotated[Search, Parameter(name="*")] = Search(),  # noqa: B008
    config: Path | None = None,
    set_: Annotated[tuple[str, ...], Parameter(name="--set", negative="", consume_multiple=False)] = (),
    runs: Path = Path("runs"),
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    data_root: Path | None = None,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    workers: WholeNumber = 0,
    scheduler: str | None = None,
    max_trials: WholeNumber | None = None,
    max_hours: float | None = None,
    resume: Annotated[bool, Parameter(negative="")] = False,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Find the highest ratio at which the pruned network is not worse than the unpruned one, and show why.

    The search proposes a ratio, on frames that are set apart. The confirmation tests it on the held-out frames, with
    fresh seeds, and claims it or does not. Every training is a run folder, so a search that was interrupted goes on
    with --resume.

    Examples:

        cellprune search-max-ratio --model.width 8 --set data.size=[64,64] --epochs 5 --cv 3 --dry-run

        cellprune search-max-ratio --dataset DIC-C2DH-HeLa --cv 5 --workers 2

        cellprune search-max-ratio --dataset PhC-C2DH-U373 --method snip --confirm-seeds 15 --resume

        cellprune search-max-ratio --unit macs --cv 3 --controls --dry-run

        cellprune search-max-ratio --unit latency --engine onnx --score seg --cv 3 --dry-run

    Parameters
    ----------
    config
        YAML with any setting of a training; its ratio and its seed are not used.
    set_
        Any setting as section.key=value; may be given several times.
    runs
        Folder of the trainings' runs. Searches that share the folder share trainings: equal networks are trained once.
    output
        Folder of the search (journal, search.json, search.html); default: searches/NAME in the working folder.
    data_root
        Folder of the data sets; else $CELLPRUNE_DATA, else the user's.
    device
        Where networks run.
    workers
        Worker processes on this machine; 0 trains in this process.
    scheduler
        Address of a Dask scheduler whose workers train, such as tcp://node1:8786.
    max_trials
        Begin at most this many trainings in this call; --resume goes on.
    max_hours
        Begin no training after this many hours in this call; --resume goes on.
    resume
        Go on with the search in the output folder, or start it.
    dry_run
        Time one epoch, say what the search would take and what it can show, and stop.
    json
        Print the result, or with --dry-run the plan, as one JSON object.
    """
    refuse_trainers(workers, scheduler)
    _refuse(max_trials=max_trials, max_hours=max_hours)
    resolved = _settings(settings, config, set_, search)

    from cellprune.cli.progress import loading, phase, shown

    with loading():  # what follows needs torch
        from cellprune.cli.search_progress import Table
        from cellprune.search.opening import JOURNAL
        from cellprune.search.question import Workspace, ask
        from cellprune.search.run import search_max_ratio as run
        from cellprune.search.tell import planned
        from cellprune.training.progress import PATIENCE_S

    hush()  # that a shared run is finished already is no news here
    workspace = Workspace(runs, output, data_root, device, resume, max_trials, max_hours)
    with shown() as watcher:
        question = ask(resolved, search, workspace, [watcher])
    table = Table(question)
    with ExitStack() as opened:
        # a scheduler that does not answer is told before an epoch is timed; a dry run needs none
        trained = trainers(workers, None if dry_run else scheduler, table.listener)
        with phase("starting the workers", after_s=PATIENCE_S):
            execute = opened.enter_context(trained)
        if dry_run or not (question.output / JOURNAL).exists():
            plan = _planned(question, workspace, execute, workers, elsewhere=scheduler is not None)
            if dry_run:
                if json:
                    print(text.dumps(plan.as_dict()))
                else:
                    say(*planned.lines(plan))
                return
            tell(*planned.lines(plan))
        opened.enter_context(table)
        command = ["cellprune", *sys.argv[1:]]
        answer = run(question, workspace, execute=nullcontext(execute), watch=table, command=command)
    _show(answer, question.output, as_json=json)


def _show(answer: "Answer", folder: Path, *, as_json: bool) -> None:
    from cellprune.search.tell import document
    from cellprune.search.tell.sentences import sentences

    if as_json:
        print(text.dumps(document.content(answer)))
        return
    said = sentences(answer)
    for sentence in filter(None, (said.answer, said.found, said.scope, said.controls)):
        say(sentence)
    say("Look at:")
    say(f"  {folder / 'search.html'}   the page with the evidence: open it in a browser")
    say(f"  {folder / 'search.json'}   every number of it")
    if answer.model:
        use = "'cellprune predict'" if answer.settings.task == "segmentation" else "cellprune.load()"
        say(f"  {answer.model}   for {use}: {said.model}")
    elif said.model:
        say(said.model)


def _refuse(*, max_trials: int | None, max_hours: float | None) -> None:
    if max_trials is not None and max_hours is not None:
        raise CellpruneError("--max-trials and --max-hours exclude each other: give one limit")
    if max_trials is not None and max_trials < 1:
        raise CellpruneError(f"--max-trials {max_trials}: give 1 or more")
    if max_hours is not None and not max_hours > 0:
        raise CellpruneError(f"--max-hours {max_hours:g}: give a time above 0")


def _settings(flags: Settings, config: Path | None, assignments: tuple[str, ...], search: Search) -> Settings:
    """Give the settings of a training; what the search decides may come from a file, but not be asked for."""
    asked = {assignment.partition("=")[0] for assignment in assignments}
    for key, why in _SEARCHED.items():
        section, _, name = key.rpartition(".")
        if key in asked or name in (getattr(flags, section) if section else flags).model_fields_set:
            raise ConfigError(f"{key} cannot be given to a search: {why}")
    if flags.pruning.method == "dense" or "pruning.method=dense" in assignments:
        raise ConfigError("--method dense removes nothing: give the method whose ratio is searched")
    pruning = merged(flags, file=config, assignments=assignments).pruning
    by_channel, row = pruning.granularity == "channel", method(pruning.method)
    if search.unit != "weights" and "granularity" not in pruning.model_fields_set:
        assignments, by_channel = (*assignments, "pruning.granularity=channel"), True
    amount = f"pruning.ratio={search.low}"
    spends = row.when == "before" or row.channels == "always"
    if row.when == "instead" or (spends and by_channel and search.unit in COSTS):
        unit = "latency" if search.unit == "latency" else "macs"  # the search says of what; time alone has an engine
        amount = f"pruning.budget={unit}={1 - search.low}"
    resolved = load(flags, file=config, assignments=(*assignments, amount))
    if resolved.pruning.method == "given":
        raise ConfigError(f"{config} trains given masks, and other ratios need other masks: give a --method")
    if resolved.pruning.control != "none":
        raise ConfigError(f"{config} trains a control: remove pruning.control; {_SEARCHED['pruning.control']}")
    data = resolved.data.model_copy(update={"select": 0.0, "fold": None})
    return resolved.model_copy(update={"seed": 0, "data": data})


def _planned(
    question: "Question", workspace: "Workspace", execute: "Execute", workers: int, *, elsewhere: bool
) -> "Plan":
    """Make the plan of a search, and say what is under way while an epoch of it is timed.

    Args:
        elsewhere: whether the search will train by the workers of a scheduler; the epoch is timed here all the same.
    """
    from cellprune.campaign.workers import here
    from cellprune.cli.progress import Inside, shown
    from cellprune.report.formatting import ratio
    from cellprune.search.plan import plan
    from cellprune.search.timing import seconds_of_a_training
    from cellprune.training import progress

    timing = progress.Event(
        "", message=f"timing one epoch at a ratio of {ratio(question.grid[0])}", after_s=progress.PATIENCE_S
    )

    def time_a_training() -> float:
        with shown() as watcher, progress.phase([watcher], timing):
            if workers:
                return seconds_of_a_training(question, workspace, execute, workers)
            with here([Inside(watcher, timing)]) as alone:
                return seconds_of_a_training(question, workspace, alone, 1)

    return plan(
        question,
        workspace,
        time_a_training=time_a_training,
        n_at_once=max(1, workers),
        timed_here_alone=elsewhere,
    )
