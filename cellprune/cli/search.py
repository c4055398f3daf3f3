"""`cellprune search-max-ratio`: the highest ratio that costs no IoU, with the evidence."""

import json as text
import sys
from contextlib import ExitStack, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from cellprune.cli.terminal import hush, say, tell
from cellprune.cli.whole import Whole
from cellprune.config.load import ConfigError, load
from cellprune.config.schema import Settings
from cellprune.config.search import Search
from cellprune.errors import CellpruneError
from cellprune.wording import many

if TYPE_CHECKING:
    from cellprune.campaign.workers import Execute
    from cellprune.search.question import Question, Workspace

_MOST_WORKERS = 256  # processes, each with a training, on one machine
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
    workers: Whole = 0,
    scheduler: str | None = None,
    max_trials: Whole | None = None,
    max_hours: float | None = None,
    resume: Annotated[bool, Parameter(negative="")] = False,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Find the highest ratio at which the pruned network is not worse than the unpruned one, and show why.

    A search on frames set apart proposes a ratio; a confirmation on held-out frames, with fresh seeds and both
    networks, claims it or does not. Every training is a run folder, so a search that is cut goes on with --resume.

    Examples:

        cellprune search-max-ratio --model.width 8 --set data.size=[64,64] --epochs 5 --cv 3 --dry-run

        cellprune search-max-ratio --dataset DIC-C2DH-HeLa --cv 5 --workers 2

        cellprune search-max-ratio --dataset PhC-C2DH-U373 --method snip --confirm-seeds 15 --resume

        cellprune search-max-ratio --unit macs --cv 3 --controls --dry-run

    Parameters
    ----------
    config
        YAML with any setting of a training; its ratio and seed are not asked for.
    set_
        Any setting as section.key=value; may be given several times.
    runs
        Folder of the trainings' runs. Searches that share it train a network that they share once.
    output
        Folder of the search: journal, search.json, search.html; default: searches/NAME in the working folder.
    data_root
        Folder of the data sets; else $CELLPRUNE_DATA, else the user's.
    device
        Where networks run.
    workers
        Worker processes on this machine; 0 trains in this process.
    scheduler
        Address of a Dask scheduler whose workers train, such as tcp://node1:8786.
    max_trials
        Begin no more trainings than this in this call.
    max_hours
        Begin no training after so many hours in this call.
    resume
        Go on with the search in the output folder, or start it.
    dry_run
        Say what it would take, from one timed epoch, and stop.
    json
        Print the result, or with --dry-run the plan, as one JSON object.
    """
    _refuse(workers=workers, scheduler=scheduler, max_trials=max_trials, max_hours=max_hours)
    resolved = _settings(settings, config, set_, search)

    from cellprune.cli.progress import loading, phase

    with loading():  # what follows needs torch
        from cellprune.campaign import workers as places
        from cellprune.cli.search_progress import Table
        from cellprune.search.journal import JOURNAL
        from cellprune.search.question import Workspace, ask
        from cellprune.search.run import search_max_ratio as find
        from cellprune.training.progress import PATIENCE_S

    hush()  # that a shared run is finished already is no news here
    workspace = Workspace(runs, output, data_root, device, resume, max_trials, max_hours)
    with phase("reading the data set", after_s=PATIENCE_S):
        question = ask(resolved, search, workspace)
    table = Table(question)
    with ExitStack() as opened:
        if workers:
            trained = places.local(workers)
        elif scheduler and not dry_run:  # before an epoch is timed: one that does not answer is told at once
            trained = places.cluster(scheduler)
        else:
            trained = places.here([table.listener])
        with phase("starting the workers", after_s=PATIENCE_S):
            execute = opened.enter_context(trained)
        if dry_run or not (question.output / JOURNAL).exists():
            planned = _planned(question, workspace, execute, workers) | {"timed_here_alone": scheduler is not None}
            if dry_run:
                if json:
                    print(text.dumps(planned))
                else:
                    say(*_told(planned))
                return
            tell(*_told(planned))
        opened.enter_context(table)
        command = ["cellprune", *sys.argv[1:]]
        found = find(question, workspace, execute=nullcontext(execute), watch=table, command=command)
    _show(found, question.output, as_json=json)


def _show(found: dict[str, Any], folder: Path, *, as_json: bool) -> None:
    if as_json:
        print(text.dumps(found))
        return
    told = found["sentences"]
    for sentence in filter(None, (told["answer"], told["scope"], told["controls"])):
        say(sentence)
    say("Look at:")
    say(f"  {folder / 'search.html'}   the page with the evidence: open it in a browser")
    say(f"  {folder / 'search.json'}   every number of it")
    if found["model"]:
        use = "'cellprune predict'" if found["settings"]["task"] == "segmentation" else "cellprune.load()"
        say(f"  {found['model']}   for {use}: {told['model']}")
    elif told["model"]:
        say(told["model"])


def _refuse(*, workers: int, scheduler: str | None, max_trials: int | None, max_hours: float | None) -> None:
    if not 0 <= workers <= _MOST_WORKERS:
        raise CellpruneError(
            f"--workers {workers}: give how many, up to {_MOST_WORKERS}, or remove it to train in this process"
        )
    if scheduler == "":
        raise CellpruneError("--scheduler names no address: give one such as tcp://node1:8786, or remove it")
    if workers and scheduler:
        raise CellpruneError("--workers and --scheduler exclude each other: the scheduler has its own workers")
    if max_trials is not None and max_hours is not None:
        raise CellpruneError("--max-trials and --max-hours exclude each other: give one limit")
    if max_trials is not None and max_trials < 1:
        raise CellpruneError(f"--max-trials {max_trials}: give a number from 1")
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
    assignments = (*assignments, f"pruning.ratio={search.low}")
    resolved = load(flags, file=config, assignments=assignments)
    if search.unit != "weights" and "granularity" not in resolved.pruning.model_fields_set:
        resolved = load(flags, file=config, assignments=(*assignments, "pruning.granularity=channel"))
    if resolved.pruning.method == "given":
        raise ConfigError(f"{config} trains given masks, and other ratios need other masks: give a --method")
    if resolved.pruning.control != "none":
        raise ConfigError(f"{config} trains a control: remove pruning.control; {_SEARCHED['pruning.control']}")
    data = resolved.data.model_copy(update={"select": 0.0, "fold": None})
    return resolved.model_copy(update={"seed": 0, "data": data})


def _planned(question: "Question", workspace: "Workspace", execute: "Execute", workers: int) -> dict[str, Any]:
    """Count the trainings that are left and time one epoch."""
    from cellprune.search import plan
    from cellprune.search.judge import controls
    from cellprune.search.run import known
    from cellprune.search.tell import sentences

    n_controls = len(controls.of(question.settings))
    count = plan.count(question.search, question.grid, n_controls)
    before = known(question, workspace)
    left = (max(1, n - before.done - before.there) for n in (count.expected, count.most))
    expected, most = (0, 0) if before.at_the_end else left
    seconds = 0.0
    if not before.at_the_end:
        seconds = _seconds_of_a_training(question, workspace, execute, workers)
    return {
        "ratios": list(question.grid),
        "held_out": question.frames.n_report,
        "chosen_on": question.frames.n_select,
        "chosen_on_by_fold": list(question.frames.select_by_fold),
        "dropped": dict(question.frames.dropped),
        "images": sentences.words(question.settings, question.search)["images"],
        "trainings": {
            "search_at_most": count.search,
            "confirmation_at_most": count.confirmation,
            "controls": count.controls,
            "done": before.done,
            "there_already": before.there,
            "expected": expected,
            "at_most": most,
        },
        "confirm_seeds": question.search.confirm_seeds,
        "margin": question.search.margin,
        "may_fold": bool(question.frames.recordings) and not question.search.cv,
        "power": asdict(plan.chance(question, workspace, before.look)),
        "runs": str(workspace.runs),
        "look": before.look,
        "alpha": question.alpha(before.look),
        "seconds_a_training": seconds,
        "seconds_expected": seconds * expected / max(1, workers),
        "seconds_at_most": seconds * most / max(1, workers),
        "output": str(question.output),
    }


def _seconds_of_a_training(question: "Question", workspace: "Workspace", execute: "Execute", workers: int) -> float:
    """Time one epoch by the workers of this machine, or in this process, and say what is under way meanwhile."""
    from cellprune.campaign import workers as places
    from cellprune.cli.progress import Inside, shown
    from cellprune.report.formatting import ratio
    from cellprune.search import plan
    from cellprune.training import progress

    timing = progress.Event(
        "", message=f"timing one epoch with {ratio(question.grid[0])} removed", after_s=progress.PATIENCE_S
    )
    with shown() as watcher, progress.phase([watcher], timing):
        if workers:
            return plan.seconds_of_a_training(question, workspace, execute, workers)
        with places.here([Inside(watcher, timing)]) as alone:
            return plan.seconds_of_a_training(question, workspace, alone, 1)


def _told(planned: dict[str, Any]) -> list[str]:
    from cellprune.report.formatting import duration, ratio
    from cellprune.search.tell import sentences

    trainings, ratios, images = planned["trainings"], planned["ratios"], planned["images"]
    by_fold, n_done, n_there = planned["chosen_on_by_fold"], trainings["done"], trainings["there_already"]
    done = f"{n_done} {'is' if n_done == 1 else 'are'} done, " if n_done else ""
    if n_there:
        done += f"{many(n_there, 'unpruned network')} of other searches {'is' if n_there == 1 else 'are'} there, "
    more = "more (in all: " if done else "("
    if not trainings["at_most"]:
        return [f"{done}none is left to train: the search in {planned['output']} is at its end"]
    few, most = min(by_fold), max(by_fold)
    chosen_on = f"{len(by_fold)} × " * (len(by_fold) > 1) + (f"{few}" if few == most else f"{few} to {most}")
    dropped = "; ".join(f"{name}: {reason}" for name, reason in planned["dropped"].items())
    later = sentences.later_look(planned["look"], planned["alpha"])
    return [
        f"{many(len(ratios), 'ratio')} from {ratio(ratios[0])} to {ratio(ratios[-1])} removed; "
        f"chosen on {chosen_on} {images}, claimed about {planned['held_out']} held-out ones",
        *([f"frames that the truth policy drops: {dropped}"] if dropped else []),
        *([later] if later else []),
        sentences.power(planned),
        f"trainings: {done}about {trainings['expected']}, at most {trainings['at_most']} {more}"
        f"search {trainings['search_at_most']}, confirmation {trainings['confirmation_at_most']}, controls "
        f"{trainings['controls']})",
        f"time: about {duration(planned['seconds_expected'])}, at most {duration(planned['seconds_at_most'])}; "
        f"one training takes {duration(planned['seconds_a_training'])}, judged by one epoch"
        f"{' on this machine, as if one after the other' if planned['timed_here_alone'] else ''}; "
        "hopeless ones are stopped early",
        f"the search goes to {planned['output']}",
    ]
