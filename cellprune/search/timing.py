"""How long a training of a search takes: one epoch of its longest trials, as many at once as there will be."""

from cellprune.campaign.job import Report
from cellprune.campaign.timing import forecast
from cellprune.campaign.workers import Execute
from cellprune.errors import CellpruneError, WorkError
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
    ratio = question.grid[0]

    def failed(report: Report) -> CellpruneError:
        return _failure(ratio, report)

    jobs = [job_of(Trial("confirm", ratio, seed), question, workspace) for seed in range(n_at_once)]
    return forecast(jobs, execute, failed).seconds


def _failure(ratio: float, report: Report) -> CellpruneError:
    """Tell what failed as what it is, because its folder is gone by then."""
    reason = report.reason.split(";")[0]
    if report.state == "hopeless":
        return CellpruneError(f"the lowest ratio, {ratio:g}, is impossible ({reason}): give a lower --low")
    if report.refused:
        return CellpruneError(f"the epoch that is timed, with a ratio of {ratio:g}, was refused: {reason}")
    return WorkError(
        f"the epoch that is timed, with a ratio of {ratio:g}, failed ({reason}): mend what made it fail; the "
        "trainings of the search would fail, too"
    )
