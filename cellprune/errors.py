"""The errors a user may meet: one sentence on what was wrong, one on where, one on what to do.

Every room may raise them; the command line prints the message alone and leaves with the class's exit code.
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches

from cellprune.wording import quoted, shortened, spoken

_NAMES_SHOWN = 40  # of those that would have done
_SECOND_LINE = re.compile(r"\n(?=Did you mean |Known: )")  # as `unknown` begins it


class CellpruneError(Exception):
    """A request refused before any work: nothing was written. The command line then ends with exit code 2.

    The message may hold names of files and values from outside, so it is made safe to show here, in one place. It has
    one line, and a second one only if `unknown` lists names.
    """

    exit_code = 2

    def __init__(self, message: str = "") -> None:
        *first, last = _SECOND_LINE.split(message)
        super().__init__("\n".join(shortened(spoken(line)) for line in (*filter(None, ["\n".join(first)]), last)))


class TooMuchError(CellpruneError):
    """More is to be removed than can be: what must stay does not fit, or nothing reaches the output any more."""


class ScarceError(CellpruneError):
    """Too little memory is free just now: later, or elsewhere, the same may do."""


class WorkError(CellpruneError):
    """Work that failed after it began (a NaN, a full disk, unreadable data). The command line ends with exit code 1."""

    exit_code = 1


def unknown(kind: str, name: object, known: Iterable[str], where: str = "") -> str:
    """Say that a name is unknown, with the nearest known names, then all of them.

    Args:
        kind: what was named, as a reader says it: "pruning method".
        name: the unknown name.
        known: the valid names; numbers in their order; if there are very many, the first are listed.
        where: file and key, or the flag, that had the name; left out when empty.
    """
    names = sorted(known, key=lambda name: (not name.isdecimal(), int(name) if name.isdecimal() else 0, name))
    close = get_close_matches(str(name)[:200], names, n=2, cutoff=0.5)  # its time grows with the square of the length
    guess = f"Did you mean {' or '.join(repr(n) for n in close)}? " if close else ""
    more = f" and {len(names) - _NAMES_SHOWN:,} more" if len(names) > _NAMES_SHOWN else ""
    listed = f"{', '.join(names[:_NAMES_SHOWN])}{more}"
    return f"no {kind} {quoted(name)}{f' (in {where})' if where else ''}.\n{guess}Known: {listed}."
