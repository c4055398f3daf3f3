"""What is known of a question before anything is trained for it: from its journal, and from the folder of runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from cellprune.campaign.train import is_there
from cellprune.errors import WorkError
from cellprune.search.find import Findings, find
from cellprune.search.journal import Journal, LackingError
from cellprune.search.judge.confirm import fresh_seeds
from cellprune.search.judge.trial import REFERENCE, Outcome, Trial
from cellprune.search.opening import opened
from cellprune.search.question import Question, Watch, Workspace
from cellprune.search.trainings import job_of


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
    asked = question.output, question.identity, question.search, question.grid
    content = opened(*asked, resume=workspace.resume, runs=workspace.runs, layer_times=question.layer_times)
    journal, done = Journal(question.output, content), set[Trial]()

    def outcomes_of(trials: Sequence[Trial]) -> list[Outcome]:
        done.update(trial for trial in trials if journal.outcome(trial) is not None)
        return journal.outcomes_of(trials)

    try:
        find(question, journal.look, outcomes_of, Findings(), watch=Watch())
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
