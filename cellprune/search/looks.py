"""Every look at the held-out frames and what came of it: a later one takes nothing back of an earlier one.

Each has its own error, and together they may err by the sum: alpha, alpha + alpha / 2, and so on.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from cellprune.errors import WorkError
from cellprune.search.confirm import Claim, confirm, ratios_to_test
from cellprune.search.journal import Journal, LackingError, terms


def told(journal: Journal, claims: Sequence[Claim]) -> list[dict[str, Any]]:
    """Give every look with its verdict, ratio and limits.

    Args:
        claims: of the last look, as far as it has come.
    Returns:
        Of each what the journal holds, and "ratio", the highest that passed (None if none), and "tested": of each ratio
        "verdict", "mean", "lower" and "upper" (None where nothing could be decided).
    """
    *before, last = journal.looks
    earlier = [look | _answer(_claims(journal, look, number)) for number, look in enumerate(before, 1)]
    return [*earlier, last | _answer(claims)]


def _claims(journal: Journal, look: dict[str, Any], number: int) -> list[Claim]:
    """Test once more what an earlier look tested: its claims follow from the outcomes."""
    claims: list[Claim] = []
    with suppress(LackingError, WorkError):  # it was left before its end, or crashes ended it
        ratios = ratios_to_test(look["grid"], look["proposed"])
        confirm(ratios, journal.measure, terms(look, number), seen=claims.append)
    return claims


def _answer(claims: Sequence[Claim]) -> dict[str, Any]:
    return {
        "ratio": max((claim.ratio for claim in claims if claim.passed), default=None),
        "tested": [
            {
                "ratio": claim.ratio,
                "verdict": claim.decision.verdict if claim.decision else "undecided",
                **{key: getattr(claim.decision, key, None) for key in ("mean", "lower", "upper")},
            }
            for claim in claims
        ],
    }
