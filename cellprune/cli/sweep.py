"""`cellprune sweep`: methods, ratios, seeds and controls as one command, and one table."""

import json as text
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from cellprune.cli.shard import shard_of
from cellprune.cli.terminal import hush, say, tell
from cellprune.cli.trainers import refuse_trainers, trainers
from cellprune.cli.whole_number import WholeNumber
from cellprune.config import load as config
from cellprune.config.schema import Settings
from cellprune.config.sweep import SECTION, Sweep, asked
from cellprune.errors import CellpruneError, WorkError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cellprune.campaign.job import Job
    from cellprune.campaign.timing import Forecast
    from cellprune.tables.page import Content
    from cellprune.tables.plan import Plan
    from cellprune.tables.workspace import SharedRuns


def sweep(
    plan: Path | None = None,
    *,
    settings: Annotated[Settings, Parameter(name="*")] = Settings(),  # noqa: B008 (a frozen value)
    axes: Annotated[Sweep, Parameter(name="*")] = Sweep(),  # noqa: B008
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    set_: Annotated[tuple[str, ...], Parameter(name="--set", negative="", consume_multiple=False)] = (),
    runs: Path = Path("runs"),
    data_root: Path | None = None,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    workers: WholeNumber = 0,
    scheduler: str | None = None,
    shard: str | None = None,
    resume: Annotated[bool, Parameter(negative="")] = False,
    gather: Annotated[bool, Parameter(negative="")] = False,
    list_: Annotated[bool, Parameter(name="--list", negative="")] = False,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Train methods x ratios x seeds, with controls, and set them side by side in one table.

    The dense network is trained once for each seed, and every other network is held against it. Every training is a run
    folder in --runs; a run that is finished there is taken as it is, whatever its folder is called. The table is
    table.csv (one row per run and score), table.tex, and table.html, on which everything leads to its run.

    Examples:

        cellprune sweep --methods prospr snip random --ratios 0.9 0.97 --seeds 0:5 -o table --dry-run

        cellprune sweep --dataset PhC-C2DH-U373 --granularity channel --methods prospr flat --budgets macs=0.1 macs=0.25
        --controls flat-macs -o table --workers 2

        cellprune sweep plan.yaml -o table --resume

        cellprune sweep plan.yaml -o table --list > commands.txt

    Parameters
    ----------
    plan
        YAML with any setting of a training, and a section `sweep` with methods, ratios, seeds and the other axes.
    output
        Folder of the table; it must be absent or empty, or hold this sweep (--resume).
    set_
        Any setting as section.key=value; may be given several times.
    runs
        Folder of the trainings' runs. Sweeps and searches that share the folder share runs: equal networks are trained
        once.
    data_root
        Folder of the data sets; else $CELLPRUNE_DATA, else the user's.
    device
        Where networks run.
    workers
        Worker processes on this machine; 0 trains in this process.
    scheduler
        Address of a Dask scheduler whose workers train, such as tcp://node1:8786.
    shard
        Train shard I of N alone, as I/N; without it, $SLURM_ARRAY_TASK_ID of $SLURM_ARRAY_TASK_COUNT where they are
        set. Shards share the output folder; each makes the table of all runs that are finished.
    resume
        Go on with the sweep in the output folder, or start it.
    gather
        Train nothing: make the table of the runs that are finished.
    list_
        Print one command per training, each trains its own (line k for array task k), and stop.
    dry_run
        Say how many trainings are left, how long they take and what they write, and stop.
    json
        Print the result, or with --dry-run the forecast, as one JSON object.
    """
    refuse_trainers(workers, scheduler)
    own = shard_of(shard, work="trains all of the sweep")

    from cellprune.cli.progress import loading, phase

    with loading():  # what follows needs torch
        from cellprune.cli.sweep_progress import Told
        from cellprune.tables.folder import SweepFolder
        from cellprune.tables.plan import Source
        from cellprune.tables.plan import plan as planned
        from cellprune.tables.sweep import gathered
        from cellprune.tables.sweep import sweep as run
        from cellprune.tables.workspace import SharedRuns, Workspace
        from cellprune.training.progress import PATIENCE_S

    file = None if plan is None else config.read(plan)
    whole = planned(asked(axes, file), Source(settings, file and file.without(SECTION), set_))
    if list_:
        say(*_commands(whole))
        return
    for line in whole.left_out:
        tell(line)
    hush()  # that a shared run is finished already is no news here
    _refuse_runs_within(runs, output)
    workspace = Workspace(runs, output, data_root, device)
    folder = SweepFolder(output, whole)
    folder.require(resume=resume or gather or dry_run or own is not None)
    with phase("reading the data set", after_s=PATIENCE_S):
        shared = SharedRuns(whole, workspace)
    if dry_run:
        _foretell(whole, shared, workers, elsewhere=scheduler is not None, as_json=json)
        return
    command = ["cellprune", *sys.argv[1:]]
    if gather:
        _tell(gathered(whole, shared, folder, command), output, as_json=json)
        return
    with Told(whole) as watch:
        execute = trainers(workers, scheduler, watch.listener)
        made = run(whole, shared, shard=own, execute=execute, watch=watch, command=command)
    _tell(made, output, as_json=json)


def _foretell(plan: "Plan", runs: "SharedRuns", workers: int, *, elsewhere: bool, as_json: bool) -> None:
    """Say what is left, how long it takes, and what it writes.

    Args:
        elsewhere: whether the workers of a scheduler will train; an epoch is timed here all the same.
    """
    from cellprune.campaign.timing import forecast
    from cellprune.cli.progress import Inside, shown
    from cellprune.runs.documents import plain
    from cellprune.tables.forecast import failed, outlook
    from cellprune.training import progress

    timing = progress.Event("", message="timing one epoch", after_s=progress.PATIENCE_S)
    with shown() as watcher, progress.phase([watcher], timing):

        def time_one(jobs: "Sequence[Job]") -> "Forecast":
            with trainers(workers, None, Inside(watcher, timing)) as execute:
                return forecast(jobs, execute, failed)

        told = outlook(plan, runs, time_one, max(1, workers))
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


def _refuse_runs_within(runs: Path, output: Path) -> None:
    if runs.resolve().is_relative_to(output.resolve()):
        raise CellpruneError(
            f"--runs {runs} lies in --output {output}, which holds a table and nothing else: give them side by side"
        )


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

    say(f"{len(made.results)} of {len(made.plan.trials)} runs are finished")
    name, label = next(iter(scores_of(made.results)), ("", ""))
    for one in made.standings if name else ():
        own = next(iter(one.from_dense.values()), None)
        gap = "" if own is None else f", {difference(own.mean)} from dense"
        seeds = f"{len(one.results)} of {one.n_seeds} seeds"
        say(f"  {one.arm.name}: {label} {score(one.mean(name))}{gap}, {seeds}")
    say("Look at:")
    say(f"  {folder / 'table.html'}   the page, on which everything leads to its run: open it in a browser")
    say(f"  {folder / 'table.csv'}   one row per run and score")
    say(f"  {folder / 'table.tex'}   the means, for a paper")
