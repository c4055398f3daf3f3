"""How much goes and how much stays: shares as the decimals that were written, and what to say of a number that is none.

A fault is a sentence, None where there is none: the settings and `prune()` raise it each in their own way.
"""

from fractions import Fraction

from cellprune.errors import CellpruneError

UNITS = ("params", "macs", "channels", "latency")  # of budgets
COSTS = ("params", "macs", "latency")  # those that count what a network costs, so that a dense one can be made for them


def exact(name: str, value: object) -> Fraction:
    """Read a number as the decimal that was written: 0.97 is 97/100.

    Raises:
        CellpruneError: it is no number.
    """
    try:
        # through the shortest decimal that gives this float, so that 0.97 means 97/100 and not its binary neighbour
        return Fraction(repr(float(value)))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise CellpruneError(f"{name} {value!r} is not a number") from None


def left_by(sparsity: object) -> Fraction:
    """Give the share that stays of the share that is removed.

    Raises:
        CellpruneError: it is not a share, 0 <= sparsity < 1.
    Example:
        >>> left_by(0.97)
        Fraction(3, 100)
    """
    removed = exact("sparsity", sparsity)
    if fault := fault_of_removed("sparsity", sparsity, removed):
        raise CellpruneError(fault)
    return 1 - removed


def fault_of_removed(name: str, written: object, share: float | Fraction) -> str | None:
    """Say what is wrong with a share that is removed, and see a percentage for what it is."""
    if 0 <= share < 1:
        return None
    if 1 < share < 100:
        return f"{written} is outside 0 <= {name} < 1: did you mean {_of_percent(share)}?"
    return f"{written} is outside 0 <= {name} < 1: it is the share of weights to remove"


def fault_of_kept(unit: str, written: object, share: float | Fraction) -> str | None:
    """Say what is wrong with a share that is kept, and see a percentage for what it is."""
    if 0 < share <= 1:
        return None
    if 1 < share < 100:
        return (
            f"{unit}={written} is outside 0 < share kept <= 1: did you mean {unit}={_of_percent(share)}, which keeps "
            f"{float(share):g} %?"
        )
    return f"{unit}={written} is outside 0 < share kept <= 1: {unit}=0.1 keeps a tenth"


def _of_percent(share: float | Fraction) -> str:
    return f"{round(float(share) / 100, 6):g}"
