"""The story of one search: a question becomes a proposal, a confirmation, an answer, and a page."""

from collections.abc import Sequence
from contextlib import AbstractContextManager

from cellprune.campaign import workers
from cellprune.runs import documents
from cellprune.search.find import Findings, find
from cellprune.search.journal import Journal
from cellprune.search.opening import PAGE, RESULT
from cellprune.search.question import Question, Watch, Workspace
from cellprune.search.tell import document, page, progress
from cellprune.search.tell.answer import Answer
from cellprune.search.tell.gather import gather
from cellprune.search.trainings import LimitReached, Trainings


def search_max_ratio(
    question: Question,
    workspace: Workspace,
    *,
    execute: AbstractContextManager[workers.Execute] | None = None,
    watch: Watch | None = None,
    command: Sequence[str] = (),
) -> Answer:
    """Search, confirm, and leave journal, result and page in the search's folder.

    Args:
        question: what `ask` gave.
        execute: one of `workers`; None trains in this process.
        command: of the user, which the answer's own commands are made of.
    Raises:
        CellpruneError: refused before any work.
        WorkError: a reference failed, or a scheduler went away; what was trained stays.
    """
    watch = watch or Watch()
    with (
        execute or workers.here() as trained,  # first: a scheduler that does not answer leaves no journal
        Journal.locked(
            question.output,
            question.identity,
            question.search,
            question.grid,
            resume=workspace.resume,
            runs=workspace.runs,
            layer_times=question.layer_times,
        ) as journal,
    ):
        trainings, findings = Trainings(question, workspace, journal, trained, watch), Findings()
        later = progress.later_round(journal.look, question.alpha(journal.look))
        for line in filter(None, (later, progress.moved(question.by_time))):
            watch.said(line)
        try:
            find(question, journal.look, trainings.outcomes_of, findings, watch=watch, proposed=journal.freeze)
        except LimitReached as limit:
            findings.stopped = str(limit)
        answer = gather(findings, journal, question, workspace, command)
        documents.write_json(journal.folder / RESULT, document.content(answer))
        page.write(journal.folder / PAGE, answer)
    return answer
