"""The story of one search: a question becomes a plan, a proposal, a confirmation, and a page."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from time import monotonic
from typing import Any, Literal

from cellprune.config import load as config
from cellprune.config.names import BEFORE_TRAINING
from cellprune.config.schema import Search, Settings
from cellprune.errors import CellpruneError, WorkError
from cellprune.runs import documents, names
from cellprune.search import controls, frames, page, result, sentences, workers
from cellprune.search.confirm import Claim, Terms, confirm, fresh_seeds, ratios_to_test
from cellprune.search.decide import alpha_of_look
from cellprune.search.grid import grid as grid_of
from cellprune.search.journal import PAGE, RESULT, Journal, LackingError, opened
from cellprune.search.propose import Probe, propose
from cellprune.search.train import Job, Report
from cellprune.search.trial import REFERENCE, Measure, Outcome, Trial, reference_failed

_TRIES = 2  # of a trial that crashes, in one call
HOPELESS_MARGINS = 10  # below its reference in the second half of the epochs, no trial comes back


@dataclass(frozen=True)
class Place:
    """Where a search happens and what it may cost; no answer depends on it.

    Attributes:
        max_trials, max_hours: begin no training beyond that many, or after so long, in this call.
    """

    runs: Path = Path("runs")
    output: Path | None = None
    data_root: Path | None = None
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    resume: bool = False
    max_trials: int | None = None
    max_hours: float | None = None


@dataclass(frozen=True)
class Question:
    """All that is settled before the first training."""

    settings: Settings
    search: Search
    grid: tuple[float, ...]
    frames: frames.Frames
    output: Path

    @property
    def n_folds(self) -> int:
        return max(1, self.search.cv)

    @property
    def identity(self) -> dict[str, Any]:
        """What one journal is about and never changes."""
        fixed = {key: getattr(self.search, key) for key in ("unit", "confidence", "cv")}
        return {"settings": _plain(self.settings), "search": fixed, "data": self.frames.sha256}


class Watch:
    """Sees a search go on; this one says nothing."""

    def known(self, n_trials: int) -> None:
        """Of so many trials that are asked for now the journal knows what came of them."""

    def began(self, trial: Trial) -> None:
        """A training begins."""

    def ended(self, trial: Trial, outcome: str, seconds: float) -> None:
        """A training is done, hopeless, crashed (and will be tried again), excluded, or was there already."""

    def said(self, line: str) -> None:
        """A probe was judged, a ratio tested."""


class LimitReached(Exception):
    """No more trainings in this call; the search is not at its end."""


def ask(settings: Settings, search: Search, place: Place) -> Question:
    """Settle the question and refuse what cannot be answered; nothing is written.

    Raises:
        CellpruneError: a unit that is not the method's, a range without a ratio, too few frames, a journal of another
            search.
    """
    granularity = settings.pruning.granularity
    if (search.unit, granularity) in (("weights", "channel"), ("channels", "weight")):
        raise CellpruneError(
            f"--unit {search.unit} with --granularity {granularity} counts what does not go: leave one of them away"
        )
    grid = grid_of(search.low, search.high)
    try:
        config.resolve(frames.settings_of(Trial("search", grid[0], 0), settings, search))
    except config.ConfigError as error:
        raise CellpruneError(f"--unit {search.unit} cannot be counted: {error}, or take --unit weights") from None
    found = frames.look(settings, search, place.data_root)
    name = "_".join(
        names.file_safe(part)
        for part in (Path(settings.data.dataset).name, settings.model.name, settings.pruning.method, search.unit)
    )
    question = Question(settings, search, grid, found, place.output or Path())
    digest = hashlib.sha256(json.dumps(question.identity, sort_keys=True).encode()).hexdigest()
    question = question if place.output else replace(question, output=Path("searches") / f"{name}_{digest[:8]}")
    opened(question.output, question.identity, search, resume=place.resume)
    return question


def search_max_ratio(
    question: Question,
    place: Place,
    *,
    execute: AbstractContextManager[workers.Execute] | None = None,
    watch: Watch | None = None,
    command: Sequence[str] = (),
) -> dict[str, Any]:
    """Search, confirm, and leave journal, result and page in the search's folder.

    Args:
        question: what `ask` gave.
        execute: one of `workers`; None trains in this process.
    Returns:
        The content of search.json.
    Raises:
        CellpruneError: refused before any work.
        WorkError: a reference failed, or a scheduler went away; what was trained stays.
    """
    watch = watch or Watch()
    with (
        execute or workers.here() as trained,  # first: a scheduler that does not answer leaves no journal
        Journal.held(question.output, question.identity, question.search, resume=place.resume) as journal,
    ):
        bench = _Bench(question, place, journal, trained, watch)
        found = result.Findings()
        try:
            _find(question, journal.look, bench.measure, watch, found, proposed=journal.freeze)
        except LimitReached as limit:
            found.stopped = str(limit)
        answer = result.gather(
            found,
            journal,
            settings=question.settings,
            search=question.search,
            grid=question.grid,
            frames=question.frames,
            runs=place.runs,
            device=place.device,
            command=command,
        )
        documents.write_json(journal.folder / RESULT, answer)
        page.write(journal.folder / PAGE, answer)
    return answer


def known(question: Question, place: Place) -> tuple[int, bool]:
    """Tell what a call need not train.

    Returns:
        How many trainings of this question are done, and whether nothing is left to train.
    """
    content = opened(question.output, question.identity, question.search, resume=place.resume)
    journal, done = Journal(question.output, content), set[Trial]()

    def measure(trials: Sequence[Trial]) -> list[Outcome]:
        done.update(trial for trial in trials if journal.outcome(trial) is not None)
        return journal.measure(trials)

    try:
        _find(question, journal.look, measure, Watch(), result.Findings(), proposed=lambda ratio: None)
    except (LackingError, WorkError):
        return len(done), False
    return len(done), True


def _find(
    question: Question,
    look: int,
    measure: Measure,
    watch: Watch,
    found: result.Findings,
    *,
    proposed: Callable[[float | None], None],
) -> None:
    """Propose, confirm, compare; `found` has what is known at every moment, and `proposed` hears of it first."""
    search = question.search

    def probed(probe: Probe) -> None:
        found.probes.append(probe)
        watch.said(sentences.probe(probe, search.margin))

    def tested(claim: Claim) -> None:
        found.claims.append(claim)
        watch.said(sentences.claim(claim))

    found.proposed = propose(
        question.grid,
        measure,
        margin=search.margin,
        n_seeds=search.seeds,
        n_folds=question.n_folds,
        seen=probed,
    ).ratio
    proposed(found.proposed)
    if found.proposed is None:
        return
    terms = Terms(
        search.margin,
        alpha_of_look(1 - search.confidence, look),
        fresh_seeds(look, search.confirm_seeds),
        question.n_folds,
    )
    confirm(ratios_to_test(question.grid, found.proposed), measure, terms, seen=tested)
    if search.controls and found.ratio is not None:
        found.beaten = controls.compare(controls.of(question.settings), found.ratio, measure, terms)


class _Bench:
    """Gives outcomes from the journal, and trains what it lacks."""

    def __init__(
        self, question: Question, place: Place, journal: Journal, execute: workers.Execute, watch: Watch
    ) -> None:
        self._question, self._place, self._journal = question, place, journal
        self._execute, self._watch = execute, watch
        self._begun, self._clock, self._version = 0, monotonic(), version("cellprune")
        self._crashed: Counter[Trial] = Counter()
        self._asked: set[Trial] = set()

    def measure(self, trials: Sequence[Trial]) -> list[Outcome]:
        """Give the outcome of every trial; one that crashes is tried once more, then excluded in the open.

        Raises:
            LimitReached: trials are missing, and this call may train no more.
            WorkError: a reference crashed twice.
        """
        known = [trial for trial in trials if trial not in self._asked and self._journal.outcome(trial) is not None]
        self._watch.known(len(known))
        self._asked.update(trials)
        while missing := [trial for trial in trials if self._journal.outcome(trial) is None]:
            begun = self._begun
            for job, report in self._execute(self._affordable(missing)):
                self._keep(job.trial, report)
            if self._begun == begun:
                hours = (monotonic() - self._clock) / 3600
                raise LimitReached(f"stopped after {begun} trainings and {hours:.1f} h, as asked: go on with --resume")
        outcomes = [self._journal.outcome(trial) for trial in trials]
        return [outcome for outcome in outcomes if outcome is not None]

    def _affordable(self, trials: Iterable[Trial]) -> Iterator[Job]:
        place = self._place
        for trial in trials:
            if place.max_trials is not None and self._begun >= place.max_trials:
                return
            if place.max_hours is not None and monotonic() - self._clock >= 3600 * place.max_hours:
                return
            self._begun += 1
            self._watch.began(trial)
            yield self._job(trial)

    def _job(self, trial: Trial) -> Job:
        search, settings = self._question.search, self._question.settings
        curve: dict[int, float] = {}
        # a method around training has several trainings, whose epochs cannot be compared with the reference's
        if trial.phase == "search" and trial.ratio != REFERENCE and settings.pruning.method in BEFORE_TRAINING:
            reference = self._journal.outcome(Trial("search", REFERENCE, trial.seed, trial.fold))
            curve = {int(epoch): score for epoch, score in reference.facts["curve"].items()} if reference else {}
        return Job(
            trial=trial,
            settings=config.resolve(frames.settings_of(trial, settings, search)),
            runs=self._place.runs.absolute(),
            data_root=self._place.data_root,
            device=self._place.device,
            curve=curve,
            drop=HOPELESS_MARGINS * search.margin,
            version=self._version,
        )

    def _keep(self, trial: Trial, report: Report) -> None:
        seconds = report.facts.get("seconds", 0.0)
        if report.state != "crashed":
            self._watch.ended(trial, report.state, seconds)
            self._journal.record(trial, Outcome(report.state, report.scores, report.reason, report.facts))
            return
        self._crashed[trial] += 1
        again = self._crashed[trial] < _TRIES
        self._watch.ended(trial, "crashed" if again else "excluded", seconds)
        self._watch.said(f"{trial.key} crashed: {report.reason}")
        self._journal.record_crash(trial, report.reason)
        if again:
            return
        if trial.ratio == REFERENCE:  # without it nothing goes on, so it stays open for a later call
            raise reference_failed(trial, report.reason)
        self._journal.record(trial, Outcome("excluded", report.scores, report.reason, report.facts))


def _plain(settings: Settings) -> dict[str, Any]:
    """The settings without what a trial decides."""
    plain = settings.model_dump(mode="json")
    plain["pruning"].pop("ratio")
    plain.pop("seed")
    return plain
