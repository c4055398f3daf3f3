"""What a search takes and what it can show: its trainings, its time from one timed epoch, its power."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cellprune.campaign.job import Report
from cellprune.campaign.workers import Execute
from cellprune.config.names import resolve
from cellprune.config.search import Search
from cellprune.errors import CellpruneError, WorkError
from cellprune.evaluation.metric import Metric
from cellprune.runs import scratch
from cellprune.runs.folder import Folder
from cellprune.runs.scores import Scores
from cellprune.search.bench import job_of
from cellprune.search.judge.confirm import STEPS_BELOW
from cellprune.search.judge.grid import most_probes
from cellprune.search.judge.power import ASSUMED, Spread, fewest_seeds, power
from cellprune.search.judge.propose import most_rounds
from cellprune.search.judge.trial import Trial
from cellprune.search.question import Place, Question
from cellprune.search.tell.measured import spread_in


@dataclass(frozen=True)
class Chance:
    """How likely a confirmation is to show a true loss of zero at one ratio.

    Attributes:
        shown: the probability.
        enough_seeds: seeds with which it is 0.8; None where no number of seeds is enough.
        spread: of the differences that this was computed from.
        n_seeds_measured: seeds of runs that the spread was measured in; 0 where it is assumed.
    """

    shown: float
    enough_seeds: int | None
    spread: Spread
    n_seeds_measured: int


def chance(question: Question, place: Place, look: int) -> Chance:
    """Tell the power of a look's test, by the spread that runs show, or by an assumed one where they show none."""
    measured = spread_in(place.runs, question.settings)
    metric: Metric[Scores] = resolve("results", question.settings.task).metric
    spread = measured.spread if measured else ASSUMED[metric.name]
    n_frames, n_seeds = question.frames.n_report, question.search.confirm_seeds
    margin, alpha = question.search.margin, question.alpha(look)
    return Chance(
        shown=power(n_frames, n_seeds, spread, margin=margin, alpha=alpha),
        enough_seeds=fewest_seeds(n_frames, spread, margin=margin, alpha=alpha),
        spread=spread,
        n_seeds_measured=measured.n_seeds if measured else 0,
    )


@dataclass(frozen=True)
class Count:
    """Trainings, counted in networks.

    Attributes:
        search, confirmation, controls: at most.
        expected: of search and confirmation, where the search proposes something.
    """

    search: int
    confirmation: int
    controls: int
    expected: int

    @property
    def most(self) -> int:
        return self.search + self.confirmation + self.controls


def count(question: Search, grid: Sequence[float], n_controls: int) -> Count:
    """Count the trainings of a search with one look: rounds of S, and S' (1 + 3), each times the folds."""
    folds = max(1, question.cv)
    n_tested = min(1 + STEPS_BELOW, len(grid))
    controls = n_controls * question.confirm_seeds * folds if question.controls else 0
    return Count(
        search=question.seeds * folds * most_rounds(len(grid)),
        confirmation=question.confirm_seeds * folds * (1 + n_tested),
        controls=controls,
        expected=folds * (question.seeds * (1 + most_probes(len(grid))) + question.confirm_seeds * (1 + n_tested))
        + controls,
    )


def seconds_of_a_training(question: Question, place: Place, execute: Execute, n_at_once: int) -> float:
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
        timed = replace(question, settings=one_epoch), replace(place, runs=folder)
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
        raise CellpruneError(f"the lowest ratio, {ratio:g}, cannot be had ({reason}): take a lower --low")
    if report.state == "crashed" and report.facts.get("refused"):
        raise CellpruneError(f"the epoch that is timed, with a ratio of {ratio:g}, was refused: {reason}")
    if report.state == "crashed":
        raise WorkError(
            f"the epoch that is timed, with a ratio of {ratio:g}, failed ({reason}): mend what made it fail, the "
            "trainings of the search would, too"
        )
    return Folder(runs / report.facts["run"]).read_provenance().times
