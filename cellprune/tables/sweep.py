"""The story of a sweep: a plan becomes runs, and the runs become a table."""

import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager

from cellprune.campaign import workers
from cellprune.machine.shard import Shard
from cellprune.runs import documents
from cellprune.tables import latex, layer_times, long_form, page
from cellprune.tables.beside import Comparison, compare
from cellprune.tables.folder import LATEX, LAYER_TIMES, PAGE, SCORES, TABLE, Failure, SweepFolder
from cellprune.tables.plan import Plan
from cellprune.tables.reduced import reductions
from cellprune.tables.result import read
from cellprune.tables.standing import Standing, standings
from cellprune.tables.work import Watch, work
from cellprune.tables.workspace import SharedRuns
from cellprune.wording import many


def sweep(
    plan: Plan,
    runs: SharedRuns,
    *,
    shard: Shard | None = None,
    execute: AbstractContextManager[workers.Execute] | None = None,
    watch: Watch | None = None,
    command: Sequence[str] = (),
) -> page.Content:
    """Train what the folder of runs lacks, and leave the table in the sweep's folder.

    Args:
        plan: what is trained.
        runs: where, and what is there already.
        shard: the trainings of this process; None for all.
        execute: one of `campaign.workers`; None trains in this process.
        command: of the user.
    Returns:
        What the page tells.
    Raises:
        CellpruneError: milliseconds decide, and the engine cannot time the layers, or a budget is below the smallest
            network; nothing was written.
        WorkError: what every training would meet, such as a full disk; what was trained stays.
    """
    folder = SweepFolder(runs.workspace.output, plan)
    with execute or workers.here() as trained:  # first: a scheduler that does not answer leaves no folder
        with folder.locked():
            times = layer_times.of_sweep(plan, runs.workspace, folder.path / LAYER_TIMES, (watch or Watch()).timed)
            folder.note({})
        cut_off = {name for name, failure in folder.failures().items() if failure.state == "hopeless"}
        trials = [trial for trial in (shard or Shard()).of(plan.trials) if plan.name(trial) not in cut_off]
        came = work(trials, runs, trained, watch or Watch(), times)
    with folder.locked():
        folder.note({plan.name(trial): failure for trial, failure in came.items()})
        content = _tabulated(plan, runs, folder, command)
        if not content.missing:
            shutil.rmtree(folder.path / SCORES, ignore_errors=True)  # nobody needs them any more
        return content


def gathered(plan: Plan, runs: SharedRuns, folder: SweepFolder, command: Sequence[str] = ()) -> page.Content:
    """Make the table of the runs that are finished, and train nothing.

    Raises:
        CellpruneError: a finished run is damaged.
    """
    with folder.locked():
        folder.note({})
        return _tabulated(plan, runs, folder, command)


def _tabulated(plan: Plan, runs: SharedRuns, folder: SweepFolder, command: Sequence[str]) -> page.Content:
    """Make the table of the runs that are finished; hold the folder."""
    there = {trial: path for trial in plan.trials if (path := runs.finished(trial)) is not None}
    results = [read(trial, path) for trial, path in there.items()]
    failures = folder.failures()
    lacking = [plan.name(trial) for trial in plan.trials if trial not in there]
    stand = standings(plan, results)
    content = page.Content(
        plan=plan,
        results=results,
        standings=stand,
        failures={name: failures[name] for name in lacking if name in failures},
        missing=[name for name in lacking if name not in failures],
        command=command,
        comparison=_compared(plan, runs, stand),
    )
    long_form.write(folder.path / TABLE, results, content.comparison)
    latex.write(folder.path / LATEX, content.standings, page.scores_of(results), content.comparison)
    page.write(folder.path / PAGE, content)
    return content


def _compared(plan: Plan, runs: SharedRuns, stand: Sequence[Standing]) -> Comparison | None:
    of_paper = plan.of_paper
    return None if of_paper is None else compare(of_paper, stand, reductions(plan, of_paper, runs))


def summary(content: page.Content) -> dict[str, object]:
    """Give the plain values that `--json` prints."""
    return {
        "runs": len(content.plan.trials),
        "finished": len(content.results),
        "missing": list(content.missing),
        "failed": documents.plain(content.failures),
        "seconds": sum(result.seconds for result in content.results),
        "arms": [
            {
                "model": one.arm.model,
                "target": one.arm.target,
                "method": one.arm.method,
                "amount": one.arm.amount,
                "control": one.arm.control,
                "with_teacher": one.arm.settings.training.is_taught,
                "seeds": [result.trial.seed for result in one.results],
                "scores": {
                    name: {"mean": one.mean(name), "interval": one.interval(name)}
                    for name, _ in page.scores_of(one.results)
                },
                "from_dense": documents.plain(one.from_dense),
                "rank": documents.plain(one.rank),
            }
            for one in content.standings
        ],
        **({} if content.comparison is None else {"published": _published(content.comparison)}),
    }


def _published(comparison: Comparison) -> dict[str, object]:
    """Give a comparison as plain values."""
    return {
        "table": comparison.of_paper.table.number,
        "protocol": comparison.of_paper.protocol,
        "reduced": list(comparison.reduced),
        "agreement": documents.plain(comparison.agreement),
        "places": [
            {
                "row": one.slot.row,
                "column": one.slot.column,
                "quantity": one.slot.quantity,
                "ours": one.mean,
                "interval": one.limits,
                "published": one.slot.value,
                "difference": one.difference,
                "reduced": list(one.reduced),
            }
            for one in comparison.compared
        ],
    }


def _goes_on(plan: Plan) -> str:
    """Say how a sweep goes on; one of the user's own code is another sweep once that code is mended."""
    told = [arm.settings for arm in plan.arms]
    has_own = any(one.pruning.method_sha256 or one.model.is_own or one.data.is_own for one in told)
    return "go on with --resume" + ", or if it was code of your own with another --output" * has_own


def shortfall(content: page.Content) -> str:
    """Say what crashed, in one line; "" where nothing did."""
    crashed = [name for name, failure in content.failures.items() if failure.state == "crashed"]
    if not crashed:
        return ""
    why: Failure = content.failures[crashed[0]]
    return (
        f"{many(len(crashed), 'run')} of {len(content.plan.trials)} failed twice, first {crashed[0]} ({why.reason}): "
        f"the page lists them; mend what made them fail, then {_goes_on(content.plan)}"
    )
