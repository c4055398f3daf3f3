"""When masks move: a share of the training, and updates evenly spaced in it."""

from fractions import Fraction

from cellprune.errors import CellpruneError

_UPDATES, _WIDEST = 30, 100


def steps_until(share: float, steps: int) -> int:
    """Count the whole steps in a share of a training, exact in the decimal digits as written."""
    return int(Fraction(repr(share)) * steps)


def spacing(asked: int | None, span: int) -> int:
    """Give the steps between two updates: those asked for, else 100, or fewer where 30 updates would not fit.

    Args:
        asked: pruning.update_every.
        span: steps in which masks move.
    Raises:
        CellpruneError: there is no room for an update.
    """
    every = min(_WIDEST, max(1, span // _UPDATES)) if asked is None else asked
    if every > span:
        more = "lower pruning.update_every" if every > 1 else "raise pruning.update_until"
        raise CellpruneError(
            f"masks are to move {paced(every)}, but only {span} steps lie in their share of the training, so they "
            f"never would: {more}, or train longer"
        )
    return every


def paced(every: int) -> str:
    """Say how often masks move."""
    return "every step" if every == 1 else f"every {every} steps"
