"""Every look at the held-out frames and what came of it: a later one takes nothing back of an earlier one.

Each has its own error, and together they may err by the sum: alpha, alpha + alpha / 2, and so on.
"""

from collections.abc import Sequence
from contextlib import suppress

from cellprune.errors import WorkError
from cellprune.report.formatting import difference
from cellprune.report.formatting import ratio as as_ratio
from cellprune.search.journal import Journal, LackingError
from cellprune.search.judge.confirm import Claim, confirm, ratios_to_test
from cellprune.search.look import Look
from cellprune.search.tell.answer import AnsweredLook, Limits


def answered(journal: Journal, claims: Sequence[Claim]) -> tuple[AnsweredLook, ...]:
    """Give every look with what it tested.

    Args:
        claims: of the last look, as far as it has come.
    """
    *before, last = journal.looks
    earlier = [AnsweredLook(look, _limits(_claims(journal, look, number))) for number, look in enumerate(before, 1)]
    return (*earlier, AnsweredLook(last, _limits(claims)))


def _claims(journal: Journal, look: Look, number: int) -> list[Claim]:
    """Test once more what an earlier look tested: its claims follow from the outcomes."""
    claims: list[Claim] = []
    if look.proposed is None:
        return claims
    with suppress(LackingError, WorkError):  # it was left before its end, or crashes ended it
        confirm(ratios_to_test(look.grid, look.proposed), journal.outcomes_of, look.terms(number), seen=claims.append)
    return claims


def _limits(claims: Sequence[Claim]) -> tuple[Limits, ...]:
    return tuple(
        Limits(claim.ratio, decision.verdict, decision.mean, decision.lower, decision.upper, decision.p_value)
        if (decision := claim.decision)
        else Limits(claim.ratio, "undecided", None, None, None, None)
        for claim in claims
    )


def sentence(answered: AnsweredLook) -> str:
    """Say what one look asked, at what error, and what came of it."""
    look, question = answered.look, answered.look.question
    asked = f"margin {question.margin:g}, {question.confirm_seeds} seeds, at an error of {look.alpha:g}"
    for earlier in look.asked_before:
        changed = (
            f"{key.replace('_', '-')} {value}"
            for key, value in earlier.model_dump(mode="json").items()
            if value != getattr(question, key) and key != "controls"  # which change no answer
        )
        asked += f", asked with {', '.join(changed)} before anything was proposed"
    if not look.frozen:
        return f"{asked}: still searching"
    begun = f"{asked}, frozen {look.frozen}"
    if look.proposed is None:
        return f"{begun}: there was no ratio to test"
    shown = f"{as_ratio(answered.ratio)} is shown" if answered.ratio is not None else "no ratio is shown"
    return f"{begun}: {shown} ({'; '.join(map(_tested, answered.tested)) or 'nothing tested yet'})"


def _tested(test: Limits) -> str:
    verdict = f"{as_ratio(test.ratio)} {test.verdict}"
    return verdict if test.mean is None else f"{verdict}, limits {difference(test.lower)} and {difference(test.upper)}"
