"""The plan of a search, made before its first training: what it takes, and what it can show."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from cellprune.config.search import Search
from cellprune.search.judge import controls
from cellprune.search.judge.confirm import STEPS_BELOW
from cellprune.search.judge.grid import most_probes
from cellprune.search.judge.power import ASSUMED, Spread, fewest_seeds, power
from cellprune.search.judge.propose import most_rounds
from cellprune.search.known import Known, known
from cellprune.search.question import Question, Workspace
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


@dataclass(frozen=True)
class Plan:
    """What a search will train, for how long, and what that can show.

    Attributes:
        known: what it need not train.
        seconds_a_training: judged by one timed epoch; 0 where nothing is left to train.
        n_at_once: trainings beside each other.
        runs: folder of the trainings' runs.
        timed_here_alone: whether the workers are elsewhere, so that the epoch says little of them.
    """

    question: Question
    count: Count
    known: Known
    chance: Chance
    seconds_a_training: float
    n_at_once: int
    runs: Path
    timed_here_alone: bool

    @property
    def alpha(self) -> float:
        """The error of the confirmation that is to come."""
        return self.question.alpha(self.known.look)

    @property
    def images(self) -> str:
        """What the held-out images are called."""
        return self.question.metric.images

    @property
    def may_fold(self) -> bool:
        """Whether folds would make more frames count."""
        return bool(self.question.frames.recordings) and not self.question.search.cv

    @property
    def expected(self) -> int:
        """Trainings that are left, where the search proposes something."""
        return self._left(self.count.expected)

    @property
    def at_most(self) -> int:
        """Trainings that may be left."""
        return self._left(self.count.most)

    @property
    def seconds_expected(self) -> float:
        return self.seconds_a_training * self.expected / self.n_at_once

    @property
    def seconds_at_most(self) -> float:
        return self.seconds_a_training * self.at_most / self.n_at_once

    def _left(self, trainings: int) -> int:
        return 0 if self.known.at_the_end else max(1, trainings - self.known.done - self.known.there)

    def as_dict(self) -> dict[str, object]:
        """Give the plain values that `--dry-run --json` prints."""
        question, count, known = self.question, self.count, self.known
        return {
            "ratios": list(question.grid),
            "held_out": question.frames.n_report,
            "chosen_on": question.frames.n_select,
            "chosen_on_by_fold": list(question.frames.select_by_fold),
            "dropped": dict(question.frames.dropped),
            "images": self.images,
            "trainings": {
                "search_at_most": count.search,
                "confirmation_at_most": count.confirmation,
                "controls": count.controls,
                "done": known.done,
                "there_already": known.there,
                "expected": self.expected,
                "at_most": self.at_most,
            },
            "confirm_seeds": question.search.confirm_seeds,
            "margin": question.search.margin,
            "may_fold": self.may_fold,
            "power": asdict(self.chance),
            "runs": str(self.runs),
            "look": known.look,
            "alpha": self.alpha,
            "seconds_a_training": self.seconds_a_training,
            "seconds_expected": self.seconds_expected,
            "seconds_at_most": self.seconds_at_most,
            "output": str(question.output),
            "timed_here_alone": self.timed_here_alone,
        }


def plan(
    question: Question,
    workspace: Workspace,
    *,
    time_a_training: Callable[[], float],
    n_at_once: int,
    timed_here_alone: bool,
) -> Plan:
    """Count the trainings that are left, time one of them, and tell what they can show.

    Args:
        time_a_training: gives its seconds, see `timing.seconds_of_a_training`; asked only where something is left.
        n_at_once, timed_here_alone: see `Plan`.
    Raises:
        CellpruneError, WorkError: as `time_a_training` raises them.
    """
    what_is_known = known(question, workspace)
    return Plan(
        question=question,
        count=count(question.search, question.grid, len(controls.of(question.settings))),
        known=what_is_known,
        chance=chance(question, workspace, what_is_known.look),
        seconds_a_training=0.0 if what_is_known.at_the_end else time_a_training(),
        n_at_once=n_at_once,
        runs=workspace.runs,
        timed_here_alone=timed_here_alone,
    )


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


def chance(question: Question, workspace: Workspace, look: int) -> Chance:
    """Tell the power of a look's test, by the spread that runs show, or by an assumed one where they show none."""
    measured = spread_in(workspace.runs, question.settings, question.metric)
    spread = measured.spread if measured else ASSUMED[question.metric.name]
    n_frames, n_seeds = question.frames.n_report, question.search.confirm_seeds
    margin, alpha = question.search.margin, question.alpha(look)
    return Chance(
        shown=power(n_frames, n_seeds, spread, margin=margin, alpha=alpha),
        enough_seeds=fewest_seeds(n_frames, spread, margin=margin, alpha=alpha),
        spread=spread,
        n_seeds_measured=measured.n_seeds if measured else 0,
    )
