"""One training of a search, what came of it, and the tables of paired differences that are made from many."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from cellprune.campaign.job import RunFacts
from cellprune.errors import WorkError
from cellprune.evaluation.decide import FEWEST_FRAMES, FEWEST_SEEDS
from cellprune.report.formatting import ratio as as_ratio

REFERENCE = 0.0


@dataclass(frozen=True)
class Trial:
    """One network to train.

    Attributes:
        phase: "search" is judged on the frames set apart for choosing, "confirm" on the held-out ones.
        ratio: share that goes; 0 is the reference, from which nothing goes.
        seed: of initialization, data order and augmentation; trials of equal seed and fold are pairs.
        fold: which fold is held out, from 0; 0 also where there are no folds.
        control: an untreated alternative to the pruned network; "" for that network itself.
    """

    phase: Literal["search", "confirm"]
    ratio: float
    seed: int
    fold: int = 0
    control: str = ""

    @property
    def key(self) -> str:
        """The trial's name in the journal, "confirm 0.96875 seed 1002 fold 0"."""
        return (
            f"{self.phase} {self.control}{' ' if self.control else ''}{self.ratio:g} seed {self.seed} fold {self.fold}"
        )

    def name(self, n_folds: int = 1) -> str:
        """Name the trial for people: "search, reference, seed 0", "confirmation, random, ratio 96.88 %, seed 1002"."""
        phase = {"search": "search", "confirm": "confirmation"}[self.phase]
        much = "reference" if self.ratio == REFERENCE else f"ratio {as_ratio(self.ratio)}"
        fold = f"fold {self.fold}" if n_folds > 1 else ""
        return ", ".join(filter(None, (phase, self.control, much, f"seed {self.seed}", fold)))


@dataclass(frozen=True)
class Outcome:
    """What came of a trial.

    Attributes:
        state: "done"; "hopeless" was stopped early, or pruned until nothing reaches its output: its ratio fails, and it
            is never part of an interval; "excluded" crashed twice.
        scores: frame -> score of the last epoch; empty unless done.
        reason: why it is not done, one line.
        nothing: why its network has learned nothing; "" if it has.
        seconds: that it took.
        run: where the run is, and what it cost; None unless done.
    """

    state: Literal["done", "hopeless", "excluded"]
    scores: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""
    nothing: str = ""
    seconds: float = 0.0
    run: RunFacts | None = None


OutcomesOf = Callable[[Sequence[Trial]], Sequence[Outcome]]
"""Trains, or simulates, some trials that do not wait for each other; gives their outcomes in the same order."""


@dataclass(frozen=True)
class Table:
    """Paired differences of one ratio.

    Attributes:
        differences: (F, S) score of the network minus that of its reference.
        rows: fold and frame of each row.
        seeds: of each column.
        left_out: seed -> why it has no column.
        hopeless: why a trial was hopeless, "" if none was.
    """

    differences: np.ndarray
    rows: tuple[tuple[int, str], ...]
    seeds: tuple[int, ...]
    left_out: Mapping[int, str]
    hopeless: str

    @property
    def decides(self) -> bool:
        """Whether it is large enough to decide anything."""
        n_frames, n_seeds = self.differences.shape
        return n_frames >= FEWEST_FRAMES and n_seeds >= FEWEST_SEEDS


def paired(references: Mapping[Trial, Outcome], pruned: Mapping[Trial, Outcome]) -> Table:
    """Make the complete table of the frames and seeds that both arms have.

    Args:
        references: every trial of the unpruned arm.
        pruned: every trial of one ratio; equal seeds and folds are pairs. A seed of which a fold has no score is
            left out whole, a frame whose score is undefined in some network as well.
    Raises:
        WorkError: a reference has no score, or has learned nothing, so there is nothing to compare with.
    """
    n_folds = 1 + max((trial.fold for trial in references), default=0)
    for trial, outcome in references.items():
        if outcome.state != "done":
            raise reference_failed(trial, outcome.reason, n_folds)
        if outcome.nothing:
            raise WorkError(
                f"a reference learned nothing ({trial.name(n_folds)}: {outcome.nothing}), so a comparison with "
                "it proves nothing: train longer (--epochs), or look at the data; other settings need another --output"
            )
    unpruned = {(trial.seed, trial.fold): outcome.scores for trial, outcome in references.items()}
    lost = {trial.seed: f"{outcome.state}: {outcome.reason}" for trial, outcome in pruned.items() if not outcome.scores}
    seeds = tuple(sorted({trial.seed for trial in pruned} - lost.keys()))
    kept = {(t.seed, t.fold): outcome.scores for t, outcome in pruned.items() if t.seed in seeds}
    folds = sorted({trial.fold for trial in pruned})
    rows = tuple(
        (fold, frame)
        for fold in folds
        for frame in sorted(set().union(*(scores.keys() for (_, at), scores in kept.items() if at == fold)))
        if all(frame in kept[s, fold] and frame in unpruned[s, fold] for s in seeds)
    )
    differences = [[kept[s, fold][frame] - unpruned[s, fold][frame] for s in seeds] for fold, frame in rows]
    hopeless = next((outcome.reason for outcome in pruned.values() if outcome.state == "hopeless"), "")
    return Table(np.array(differences).reshape(len(rows), len(seeds)), rows, seeds, lost, hopeless)


def reference_failed(trial: Trial, reason: str, n_folds: int) -> WorkError:
    """Say that there is nothing to compare with."""
    return WorkError(
        f"the reference failed ({trial.name(n_folds)}: {reason}): mend what made it fail, then go on with --resume"
    )


def require_scores(ratio: float, table: Table) -> None:
    """Refuse to judge a ratio by crashes alone: they say nothing of the network.

    Raises:
        WorkError: no pruned network has a score, and none was hopeless.
    """
    if not table.differences.size and not table.hopeless:
        reason = next(iter(table.left_out.values()), "no frame has a score in all of them")
        raise WorkError(
            f"every network with a ratio of {ratio:g} failed ({reason}): mend what made them fail, then go on with "
            "--resume"
        )
