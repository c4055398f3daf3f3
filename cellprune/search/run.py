"""The story of one search: a question becomes a plan, a proposal, a confirmation, and a page."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from cellprune.campaign import workers
from cellprune.campaign.job import is_there
from cellprune.errors import WorkError
from cellprune.runs import documents
from cellprune.search.bench import Bench, LimitReached, job_of
from cellprune.search.journal import PAGE, RESULT, Journal, LackingError, opened
from cellprune.search.judge import controls
from cellprune.search.judge.confirm import Claim, Terms, confirm, fresh_seeds, ratios_to_test
from cellprune.search.judge.propose import Probe, propose
from cellprune.search.judge.trial import REFERENCE, Outcome, OutcomesOf, Trial
from cellprune.search.question import Question, Watch, Workspace
from cellprune.search.tell import page, result, sentences


def search_max_ratio(
    question: Question,
    workspace: Workspace,
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
        Journal.locked(
            question.output, question.identity, question.search, resume=workspace.resume, runs=workspace.runs
        ) as journal,
    ):
        bench = Bench(question, workspace, journal, trained, watch)
        found = result.Findings()
        if later := sentences.later_look(journal.look, question.alpha(journal.look)):
            watch.said(later)
        try:
            _find(question, journal.look, bench.outcomes_of, watch, found, proposed=journal.freeze)
        except LimitReached as limit:
            found.stopped = str(limit)
        answer = result.gather(found, journal, question, workspace, command)
        documents.write_json(journal.folder / RESULT, answer)
        page.write(journal.folder / PAGE, answer)
    return answer


@dataclass(frozen=True)
class Known:
    """What a call need not train, and which look it goes on with.

    Attributes:
        done: trainings of its question that its journal has.
        there: unpruned networks that other searches left in the folder of runs.
        at_the_end: whether nothing is left to train.
        look: from 1.
    """

    done: int
    there: int
    at_the_end: bool
    look: int


def known(question: Question, workspace: Workspace) -> Known:
    """Tell what the journal and the folder of runs know of a question; nothing is trained or written."""
    content = opened(question.output, question.identity, question.search, resume=workspace.resume, runs=workspace.runs)
    journal, done = Journal(question.output, content), set[Trial]()

    def outcomes_of(trials: Sequence[Trial]) -> list[Outcome]:
        done.update(trial for trial in trials if journal.outcome(trial) is not None)
        return journal.outcomes_of(trials)

    try:
        _find(question, journal.look, outcomes_of, Watch(), result.Findings(), proposed=lambda ratio: None)
    except (LackingError, WorkError):
        pass
    else:
        return Known(len(done), 0, True, journal.look)
    fresh, folds = fresh_seeds(journal.look, question.search.confirm_seeds), range(question.n_folds)
    references = [
        *(Trial("search", REFERENCE, seed, fold) for seed in range(question.search.seeds) for fold in folds),
        *(Trial("confirm", REFERENCE, seed, fold) for seed in fresh for fold in folds),
    ]
    there = sum(is_there(job_of(trial, question, workspace)) for trial in references if journal.outcome(trial) is None)
    return Known(len(done), there, False, journal.look)


def _find(
    question: Question,
    look: int,
    outcomes_of: OutcomesOf,
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
        outcomes_of,
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
        question.alpha(look),
        fresh_seeds(look, search.confirm_seeds),
        question.n_folds,
    )
    confirm(ratios_to_test(question.grid, found.proposed), outcomes_of, terms, seen=tested)
    found.confirmed = True
    if search.controls and found.ratio is not None:
        found.beaten = controls.compare(controls.of(question.settings), found.ratio, outcomes_of, terms)
