"""The journal: what was asked before the first training, and what came of every trial since.

One JSON file, written whole after every step, so that a search that is cut anywhere goes on where it stopped. Proposal
and verdicts are not kept but found again from the outcomes: they follow from them.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from cellprune.config.search import Search
from cellprune.runs import documents, lock
from cellprune.runs.layer_times import LayerTimes
from cellprune.search.content import Content, Identity
from cellprune.search.judge.trial import Outcome, Trial
from cellprune.search.look import Look
from cellprune.search.opening import JOURNAL, opened


class LackingError(LookupError):
    """The journal does not know what came of a trial."""


class Journal:
    """A search's own folder, kept by one planner; `locked` gives it."""

    def __init__(self, folder: Path, content: Content) -> None:
        self.folder = folder
        self._content = content

    @classmethod
    @contextmanager
    def locked(
        cls,
        folder: Path,
        identity: Identity,
        question: Search,
        grid: tuple[float, ...],
        *,
        resume: bool,
        runs: Path,
        layer_times: LayerTimes | None = None,
    ) -> Iterator["Journal"]:
        """Open or begin the journal in a folder, and keep other planners out of it.

        Args:
            folder, identity, question, grid, resume, runs, layer_times: as `opening.opened` takes them.
        Raises:
            CellpruneError: another planner is at work, or what `opened` refuses. Nothing was written then.
        """
        open_again = partial(
            opened, folder, identity, question, grid, resume=resume, runs=runs, layer_times=layer_times
        )
        open_again()
        with lock.locked(folder):
            content = open_again()  # as the last planner left it
            journal = cls(folder, content)
            journal._write()
            yield journal

    @property
    def look(self) -> int:
        """Number of the look under way, from 1."""
        return len(self._content.looks)

    @property
    def looks(self) -> tuple[Look, ...]:
        """Every look: its question, error and grid, once it is frozen the proposal and when, and what it replaced."""
        return self._content.looks

    @property
    def crashes(self) -> Mapping[str, tuple[str, ...]]:
        """Name of a trial -> why it crashed, each time."""
        return self._content.crashes

    @property
    def crashed_s(self) -> float:
        """Seconds that went into tries that crashed."""
        return self._content.crashed_s

    @property
    def outcomes(self) -> Mapping[Trial, Outcome]:
        """Every outcome so far, in the order they came."""
        return self._content.outcomes

    def outcome(self, trial: Trial) -> Outcome | None:
        """Give what came of a trial; None if nothing yet."""
        return self._content.outcomes.get(trial)

    def outcomes_of(self, trials: Sequence[Trial]) -> list[Outcome]:
        """Give outcomes as a `trial.OutcomesOf` does, and train nothing.

        Raises:
            LackingError: of one of them nothing is known yet.
        """
        known = [outcome for outcome in map(self.outcome, trials) if outcome is not None]
        if len(known) < len(trials):
            raise LackingError(f"{len(trials) - len(known)} of {len(trials)} trials are not in the journal")
        return known

    def freeze(self, proposed: float | None) -> None:
        """Write down what the search proposes, before anything of the confirmation is trained."""
        *before, last = self._content.looks
        look = last.freeze(proposed)
        if look is not last:
            self._become(replace(self._content, looks=(*before, look)))

    def keep(self, trial: Trial, outcome: Outcome) -> None:
        """Write down what came of a trial."""
        self._become(replace(self._content, outcomes={**self._content.outcomes, trial: outcome}))

    def keep_crash(self, trial: Trial, reason: str, seconds: float) -> None:
        """Write down that a trial crashed; it has no outcome by that."""
        crashes, key = self._content.crashes, trial.key
        crashed_s = round(self.crashed_s + seconds, 1)
        crashes = {**crashes, key: (*crashes.get(key, ()), reason)}
        self._become(replace(self._content, crashes=crashes, crashed_s=crashed_s))

    def _become(self, content: Content) -> None:
        self._content = content
        self._write()

    def _write(self) -> None:
        documents.write_json(self.folder / JOURNAL, self._content.as_dict())
