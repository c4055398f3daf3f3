"""A look: one question with its confirmation.

Once a confirmation has begun, its question is frozen; a smaller margin, more seeds or a wider range then begin another
look, which is listed and has half the error. People read of it as a test round.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cellprune.config.search import USUAL, Search
from cellprune.errors import CellpruneError
from cellprune.evaluation.decide import alpha_of_look
from cellprune.runs import provenance
from cellprune.search.judge.confirm import Terms, fresh_seeds, ratios_to_test

_MAY_MOVE = {"margin": (-1,), "seeds": (1,), "confirm_seeds": (1,), "low": (-1,), "high": (-1, 1)}  # down, up
_FREE = {"controls"}  # adds trainings, changes no answer


@dataclass(frozen=True)
class Look:
    """What is settled before the first training of a look, and what its search has proposed.

    Attributes:
        alpha: the error of each of its tests, and so of all.
        grid: the ratios that it asks about, rising.
        asked_before: the questions that this one replaced, before anything was proposed.
        proposed: what the confirmation tests first; None before that is known, and where there is nothing to test.
        frozen: when that was settled; "" while the search goes on.
    """

    question: Search
    alpha: float
    grid: tuple[float, ...]
    asked_before: tuple[Search, ...] = ()
    proposed: float | None = None
    frozen: str = ""

    @classmethod
    def begun(cls, question: Search, number: int, grid: tuple[float, ...]) -> "Look":
        """Begin a look; the first has number 1."""
        return cls(question, alpha_of_look(1 - question.confidence, number), grid)

    def freeze(self, proposed: float | None) -> "Look":
        """Settle what the confirmation tests; what is settled stays."""
        if self.proposed is None:  # nothing was confirmed, and what had crashed may have come through now
            return replace(self, proposed=proposed, frozen=provenance.now())
        assert self.proposed == proposed, "the same outcomes lead to the same proposal"
        return self

    def terms(self, number: int) -> Terms:
        """Give what its confirmation is held to; the first look has number 1."""
        question = self.question
        seeds = fresh_seeds(number, question.confirm_seeds)
        return Terms(question.margin, self.alpha, seeds, max(1, question.cv))

    def as_dict(self) -> dict[str, object]:
        """Give the plain values that journal.json and search.json hold."""
        asked_before = [_plain(question) for question in self.asked_before]
        return {
            "question": _plain(self.question),
            "alpha": self.alpha,
            "grid": list(self.grid),
            **({"asked_before": asked_before} if asked_before else {}),
            **({"proposed": self.proposed, "frozen": self.frozen} if self.frozen else {}),
        }

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "Look":
        """Read what `as_dict` gave.

        Raises:
            LookupError, TypeError, ValueError: it is damaged.
        """
        look = cls(
            question=Search.model_validate(content["question"]),
            alpha=float(content["alpha"]),
            grid=tuple(content["grid"]),
            asked_before=tuple(map(Search.model_validate, content.get("asked_before", ()))),
            proposed=content.get("proposed"),
            frozen=content.get("frozen", ""),
        )
        if look.proposed is not None:
            ratios_to_test(look.grid, look.proposed)
        return look


def _plain(question: Search) -> dict[str, object]:
    """Give the plain values of a question; the usual score is not named, as in older journals."""
    return question.model_dump(mode="json", exclude={"score"} if question.score == USUAL else None)


def asked(folder: Path, looks: Sequence[Look], question: Search, grid: tuple[float, ...]) -> tuple[Look, ...]:
    """Give the looks of a journal with this question as the last: one goes on, is replaced, or comes after it.

    Another range may be asked for, also a lower one: whatever is claimed there is held to the later look's error.

    Args:
        grid: the ratios of the question; a look that goes on keeps its own.
    Raises:
        CellpruneError: a question that only a new search may ask.
    """
    if not looks:
        return (Look.begun(question, 1, grid),)
    *before, last = looks
    changes = {
        key: (getattr(last.question, key), getattr(question, key)) for key in Search.model_fields if key not in _FREE
    }
    changes = {key: (old, new) for key, (old, new) in changes.items() if old != new}
    if not changes:
        return (*before, replace(last, question=question))
    wrong = {
        key: (old, new) for key, (old, new) in changes.items() if (1 if new > old else -1) not in _MAY_MOVE.get(key, ())
    }
    if wrong:
        listed = "; ".join(f"{key}: {old} -> {new}" for key, (old, new) in wrong.items())
        raise CellpruneError(
            f"the journal in {folder} was asked something else ({listed}): a smaller margin, more seeds, a lower --low "
            "or another --high may follow, anything else needs another --output"
        )
    if last.proposed is not None:
        return (*looks, Look.begun(question, len(looks) + 1, grid))
    asked_before = (*last.asked_before, last.question)  # in the open, though nothing was confirmed
    return (*before, replace(Look.begun(question, len(looks), grid), asked_before=asked_before))
