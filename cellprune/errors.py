"""The errors a user may meet: one sentence on what was wrong, one on where, one on what to do.

Every room may raise them; the command line prints the message alone and leaves with the class's exit code.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class CellpruneError(Exception):
    """A request refused before any work: nothing was written. Leaves the command line with exit code 2."""

    exit_code = 2


class TooMuchError(CellpruneError):
    """More is to be removed than can be: what must stay does not fit, or nothing reaches the output any more."""


class ScarceError(CellpruneError):
    """Too little memory is free just now: later, or elsewhere, the same may do."""


class WorkError(CellpruneError):
    """Work that failed on its way (a NaN, a full disk, unreadable data). Leaves with exit code 1."""

    exit_code = 1


def unknown(kind: str, name: object, known: Iterable[str], where: str = "") -> str:
    """Say that a name is unknown, with the nearest known names, then all of them.

    Args:
        kind: what was named, as a reader says it: "pruning method".
        name: the name as given.
        known: the names that would do.
        where: file and key, or the flag, that held the name; left out when empty.
    """
    names = sorted(known)
    close = get_close_matches(str(name), names, n=2, cutoff=0.5)
    guess = f"Did you mean {' or '.join(repr(n) for n in close)}? " if close else ""
    return f"no {kind} {name!r}{f' (in {where})' if where else ''}.\n{guess}Known: {', '.join(names)}."
