"""How many weights each round of a method keeps: all at once, or step by step down to the asked share.

Source: de Jorge et al., ICLR 2021 (arXiv:2006.09081), section 4; Tanaka et al., NeurIPS 2020 (arXiv:2006.05467),
    algorithm 1: after round t of T the share (1 - sparsity)^(t / T) is left.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Literal, get_args

from cellprune.errors import CellpruneError, unknown
from cellprune.pruning.ranking.budget import keep_count

Schedule = Callable[..., list[int]]
Course = Literal["exponential", "linear"]


def one_shot(n_prunable: int, density: Fraction) -> list[int]:
    """Reach the final count in a single round."""
    return [keep_count(n_prunable, density)]


def in_rounds(n_prunable: int, density: Fraction, *, rounds: int, schedule: Course = "exponential") -> list[int]:
    """Reach the final count in several rounds.

    Args:
        n_prunable: weights before the first round.
        density: share that stays after the last.
        rounds: T, at least 1; 1 is one shot.
        schedule: "exponential" keeps the same share of the rest in every round, "linear" removes the same number.
    Raises:
        CellpruneError: an option out of range.
    """
    if isinstance(rounds, bool) or not isinstance(rounds, int) or rounds < 1:
        raise CellpruneError(f"rounds is {rounds!r}, but must be a whole number of at least 1")
    if schedule not in get_args(Course):
        raise CellpruneError(unknown("schedule", schedule, get_args(Course)))
    shares = (
        (Fraction(float(density) ** (t / rounds)) for t in range(1, rounds))
        if schedule == "exponential"
        else (1 - (1 - density) * Fraction(t, rounds) for t in range(1, rounds))
    )
    return [keep_count(n_prunable, share) for share in (*shares, density)]  # the last one from the exact decimal
