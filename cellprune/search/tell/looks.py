"""Every look at the held-out frames and what came of it: a later one takes nothing back of an earlier one.

Each has its own error, and together they may err by the sum: alpha, alpha + alpha / 2, and so on.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from cellprune.errors import WorkError
from cellprune.search.journal import Journal, LackingError, terms
from cellprune.search.judge.confirm import Claim, confirm, ratios_to_test


def told(journal: Journal, claims: Sequence[Claim]) -> list[dict[str, Any]]:
    """Give every look with its verdict, ratio and limits.

    Args:
        claims: of the last look, as far as it has come.
    Returns:
        Of each what the journal holds, and "ratio", the highest that passed (None if none), and "tested": of each ratio
        "verdict", "mean", "lower", "upper" and "p_value" (None where nothing could be decided).
    """
    *before, last = journal.looks
    earlier = [look | _answer(_claims(journal, look, number)) for number, look in enumerate(before, 1)]
    return [*earlier, last | _answer(claims)]


def claimed(looks: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Give the highest "ratio" that any look has shown at the last one's margin, and its "look", from 1; None if none.

    Args:
        looks: as `told` gives them; a later one may have a smaller margin, and then answers for itself.
    """
    asked = looks[-1]["question"]["margin"]
    shown = [
        {"ratio": look["ratio"], "look": number}
        for number, look in enumerate(looks, 1)
        if look["ratio"] is not None and look["question"]["margin"] <= asked
    ]
    return max(shown, key=lambda one: one["ratio"], default=None)


def _claims(journal: Journal, look: dict[str, Any], number: int) -> list[Claim]:
    """Test once more what an earlier look tested: its claims follow from the outcomes."""
    claims: list[Claim] = []
    with suppress(LackingError, WorkError):  # it was left before its end, or crashes ended it
        ratios = ratios_to_test(look["grid"], look["proposed"])
        confirm(ratios, journal.outcomes_of, terms(look, number), seen=claims.append)
    return claims


def _answer(claims: Sequence[Claim]) -> dict[str, Any]:
    return {
        "ratio": max((claim.ratio for claim in claims if claim.passed), default=None),
        "tested": [
            {
                "ratio": claim.ratio,
                "verdict": claim.decision.verdict if claim.decision else "undecided",
                **{key: getattr(claim.decision, key, None) for key in ("mean", "lower", "upper", "p_value")},
            }
            for claim in claims
        ],
    }
