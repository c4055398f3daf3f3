"""What the numbers of an answer mean, in plain sentences; what a user may type stands in backticks."""

from dataclasses import dataclass

from cellprune.search.tell.answer import Answer
from cellprune.search.tell.conclusion import conclusion
from cellprune.search.tell.found import found
from cellprune.search.tell.merit import merit
from cellprune.search.tell.scope import scope
from cellprune.search.tell.words import ours


@dataclass(frozen=True)
class Sentences:
    """What people read of an answer, at a terminal and on its page.

    Attributes:
        answer: what was found, or what was not and the command that asks on.
        found: the network that was found, and what it costs; "" where none was.
        scope: what the claim is about, and what it is not about.
        controls: whether the ratio is the method's merit; "" where that was not asked.
        model: which network there is to use, or that it is gone; "" where nothing was shown.
    """

    answer: str
    found: str
    scope: str
    controls: str
    model: str


def sentences(answer: Answer) -> Sentences:
    """Say what an answer means."""
    return Sentences(conclusion(answer), found(answer), scope(answer), merit(answer), _model(answer))


def _model(answer: Answer) -> str:
    if answer.claimed is None:
        return ""
    if answer.model is None:
        return (
            f"There is no network to use: {answer.model_run}, the run with the found ratio, is gone or lacks its model."
        )
    fold = "; it is one of fold 0, which did not learn from that fold's frames" if answer.question.cv else ""
    which = f"{ours(answer.settings)} ".removeprefix("pruned ")
    return f"The smallest {which}network that is not worse, ready to use{fold}"
