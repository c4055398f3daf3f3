"""What `sweep` and `reproduce` do with a plan: list it, foretell it, train it, and tell what came of it."""

import json as text
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from pydantic import Field

from cellprune.cli.shard import shard_of
from cellprune.cli.terminal import hush, say, tell
from cellprune.cli.trainers import refuse_trainers, trainers
from cellprune.cli.whole_number import WholeNumber
from cellprune.config.base import Frozen
from cellprune.errors import WorkError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cellprune.campaign.job import Job
    from cellprune.campaign.timing import Forecast
    from cellprune.tables.beside import Comparison
    from cellprune.tables.folder import SweepFolder
    from cellprune.tables.page import Content
    from cellprune.tables.plan import Plan
    from cellprune.tables.workspace import SharedRuns

_FLAG = Parameter(negative="")


class Handling(Frozen):
    """Where and how the runs of a plan are trained; no number of its table depends on it."""

    runs: Path = Field(
        Path("runs"),
        description="folder of the trainings' runs; sweeps and searches that share the folder share runs: equal "
        "networks are trained once",
    )
    data_root: Path | None = Field(
        None, description="folder of the data sets; without it $CELLPRUNE_DATA, else your user's"
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="where networks run")
    workers: WholeNumber = Field(0, description="worker processes on this machine; 0 trains in this process")
    scheduler: str | None = Field(
        None, description="address of a Dask scheduler whose workers train, such as tcp://node1:8786"
    )
    shard: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = Field(
        None,
        description="train shard I of N alone, as I/N; without it, $SLURM_ARRAY_TASK_ID of $SLURM_ARRAY_TASK_COUNT "
        "where they are set. Shards share the output folder; each makes the table of all runs that are finished",
    )
    resume: Annotated[bool, _FLAG] = Field(False, description="go on with what is in the output folder, or start it")
    gather: Annotated[bool, _FLAG] = Field(
        False, description="train nothing: make the table of the runs that are finished"
    )
    list_: Annotated[bool, Parameter(name="--list", negative="")] = Field(
        False,
        description="print one command per training, each trains its own (line k for array task k), and stop",
    )
    dry_run: Annotated[bool, _FLAG] = Field(
        False, description="say how many trainings are left, how long they take and what they write, and stop"
    )
    json_: Annotated[bool, Parameter(name="--json", negative="")] = Field(
        False, description="print the result, or with --dry-run the forecast, as one JSON object"
    )


def carry_out(plan: "Plan", handling: Handling, output: Path) -> None:
    """Do with a plan what is asked.

    Args:
        output: folder of its table.
    Raises:
        CellpruneError: what cannot be; nothing was written.
        WorkError: runs failed, which is told once all else is.
    """
    refuse_trainers(handling.workers, handling.scheduler)
    own = shard_of(handling.shard, work="trains all of the table")
    if handling.list_:
        say(*_commands(plan))
        return
    for line in plan.left_out:
        tell(line)
    hush()  # that a shared run is finished already is no news here

    from cellprune.campaign.folders import require_folders
    from cellprune.cli.progress import phase
    from cellprune.cli.sweep_progress import Told
    from cellprune.tables.affordable import require_affordable
    from cellprune.tables.folder import SweepFolder
    from cellprune.tables.sweep import gathered
    from cellprune.tables.sweep import sweep as run
    from cellprune.tables.workspace import SharedRuns, Workspace
    from cellprune.training.progress import PATIENCE_S

    require_folders(handling.runs, output, "a table")
    folder = SweepFolder(output, plan)
    folder.require(resume=handling.resume or handling.gather or handling.dry_run or own is not None)
    with phase("reading the data set", after_s=PATIENCE_S):
        shared = SharedRuns(plan, Workspace(handling.runs, output, handling.data_root, handling.device))
        if not handling.gather:
            require_affordable(plan, handling.data_root)
    if handling.dry_run:
        elsewhere = handling.scheduler is not None
        _foretell(plan, shared, folder, handling.workers, elsewhere=elsewhere, as_json=handling.json_)
        return
    command = ["cellprune", *sys.argv[1:]]
    if handling.gather:
        _tell(gathered(plan, shared, folder, command), output, as_json=handling.json_)
        return
    with Told(plan) as watch:
        execute = trainers(handling.workers, handling.scheduler, watch.listener)
        made = run(plan, shared, shard=own, execute=execute, watch=watch, command=command)
    _tell(made, output, as_json=handling.json_)


def _foretell(
    plan: "Plan", runs: "SharedRuns", folder: "SweepFolder", workers: int, *, elsewhere: bool, as_json: bool
) -> None:
    """Say what is left, how long it takes, and what it writes.

    Args:
        elsewhere: whether the workers of a scheduler will train; an epoch is timed here all the same.
    """
    from cellprune.campaign.timing import forecast
    from cellprune.cli.progress import Inside, phase, shown
    from cellprune.runs.documents import plain
    from cellprune.tables import layer_times
    from cellprune.tables.folder import LAYER_TIMES
    from cellprune.tables.forecast import failed, outlook
    from cellprune.training import progress

    with phase("timing layers, once for all runs of this sweep", after_s=progress.PATIENCE_S) as count:
        layer_times.of_sweep(plan, runs.workspace, folder.path / LAYER_TIMES, count, keep=False)
    timing = progress.Event("", message="timing one epoch", after_s=progress.PATIENCE_S)
    with shown() as watcher, progress.phase([watcher], timing):

        def time_one(jobs: "Sequence[Job]") -> "Forecast":
            with trainers(workers, None, Inside(watcher, timing)) as execute:
                return forecast(jobs, execute, failed)

        hopeless = [name for name, failure in folder.failures().items() if failure.state == "hopeless"]
        told = outlook(plan, runs, time_one, max(1, workers), hopeless)
    if as_json:
        print(text.dumps({**plain(told), "timed_here_alone": elsewhere}))
        return
    say(*told.lines())
    if elsewhere:
        say("the time is that of this machine, as if one training came after the other")


def _commands(plan: "Plan") -> list[str]:
    """Give one command per training: this one, for its own shard of as many shards as there are trainings."""
    words = [word for word in sys.argv[1:] if word not in ("--list", "--resume")]
    n = len(plan.trials)
    return [
        f"cellprune {shlex.join([*words, '--shard', f'{number}/{n}'])}  # {plan.name(trial)}"
        for number, trial in enumerate(plan.trials, 1)
    ]


def _tell(made: "Content", folder: Path, *, as_json: bool) -> None:
    """Print what came of it.

    Raises:
        WorkError: runs failed, which is told once all else is.
    """
    from cellprune.tables.sweep import shortfall, summary

    if as_json:
        print(text.dumps(summary(made)))
    else:
        _show(made, folder)
    if failed := shortfall(made):
        raise WorkError(failed)


def _show(made: "Content", folder: Path) -> None:
    from cellprune.report.formatting import difference, score
    from cellprune.tables.page import scores_of

    if made.comparison is not None:
        say(made.comparison.title)
    say(f"{len(made.results)} of {len(made.plan.trials)} runs are finished")
    name, label = next(iter(scores_of(made.results)), ("", ""))
    for one in made.standings if name else ():
        own = next(iter(one.from_dense.values()), None)
        gap = "" if own is None else f", {difference(own.mean)} from dense"
        seeds = f"{len(one.results)} of {one.n_seeds} seeds"
        called = ", ".join([*made.plan.apart(one.arm.group), one.arm.name])
        say(f"  {called}: {label} {score(one.mean(name))}{gap}, {seeds}")
    if made.comparison is not None:
        _show_beside(made.comparison)
    say("Look at:")
    say(f"  {folder / 'table.html'}   the page, on which everything leads to its run: open it in a browser")
    say(f"  {folder / 'table.csv'}   one row per run and score")
    say(f"  {folder / 'table.tex'}   the means, for a paper")


def _show_beside(comparison: "Comparison") -> None:
    """Print each place of a published table that has a number of ours."""
    from cellprune.report.formatting import difference, score

    say("Beside the paper:")
    for one in comparison.compared:
        if one.mean is not None:
            theirs = one.slot.value
            published = "no published number" if theirs is None else f"published {score(theirs)}"
            gap = "" if one.difference is None else f", {difference(one.difference)}"
            say(f"  {one.slot.row}, {one.slot.column}: {score(one.mean)}, {published}{gap}")
    if (agreed := comparison.agreement) is not None:
        over = "" if agreed.limits is None else f" ({agreed.limits[0]:+.2f} to {agreed.limits[1]:+.2f} over seeds)"
        say(f"  rank correlation with the published order of methods: {agreed.correlation:+.2f}{over}")
