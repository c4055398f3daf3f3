"""How long a training of a search takes: one epoch of its longest trials, as many at once as there will be."""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from cellprune.campaign.job import Report
from cellprune.campaign.workers import Execute
from cellprune.errors import CellpruneError, WorkError
from cellprune.runs import scratch
from cellprune.runs.folder import Folder
from cellprune.search.judge.trial import Trial
from cellprune.search.question import Question, Workspace
from cellprune.search.trainings import job_of


def seconds_of_a_training(question: Question, workspace: Workspace, execute: Execute, n_at_once: int) -> float:
    """Train one epoch of a pruned trial of the confirmation, throw it away, and tell how long the whole would take.

    Args:
        execute: of `workers`; what trains the trials, on this machine.
        n_at_once: how many will be trained beside each other; so many epochs are, and the slowest counts.
    Raises:
        CellpruneError: so much cannot be removed, or scoring does not fit into memory.
        WorkError: the epoch fails, as those of the trials would.
    """
    training = question.settings.training
    one_epoch = question.settings.model_copy(update={"training": training.model_copy(update={"epochs": 1})})
    trials = [Trial("confirm", question.grid[0], seed) for seed in range(n_at_once)]
    n_evaluations = training.epochs // training.evaluate_every + 2  # the last epoch's, and the scores
    with scratch.made(Path(tempfile.gettempdir()), "cellprune-timing") as folder:
        timed = replace(question, settings=one_epoch), replace(workspace, runs=folder)
        jobs = [job_of(trial, *timed) for trial in trials]
        done = list(execute(jobs))  # to its end, before a failure is told: half-way it would outlive its workers
        taken = [_times(folder, question.grid[0], report) for _, report in done]
    return max(
        times.get("scoring_s", 0.0) + training.epochs * times["training_s"] + n_evaluations * times["evaluation_s"]
        for times in taken
    )


def _times(runs: Path, ratio: float, report: Report) -> Mapping[str, float]:
    """Read how long an epoch took; what failed is told as what it is, because its folder is gone by then."""
    reason = report.reason.split(";")[0]
    if report.state == "hopeless":
        raise CellpruneError(f"the lowest ratio, {ratio:g}, is impossible ({reason}): give a lower --low")
    if report.state == "crashed" and report.refused:
        raise CellpruneError(f"the epoch that is timed, with a ratio of {ratio:g}, was refused: {reason}")
    if report.state == "crashed":
        raise WorkError(
            f"the epoch that is timed, with a ratio of {ratio:g}, failed ({reason}): mend what made it fail; the "
            "trainings of the search would fail, too"
        )
    assert report.run is not None, "what is done says where"
    return Folder(runs / report.run.folder).read_provenance().times
