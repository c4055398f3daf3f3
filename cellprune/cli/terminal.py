"""Everything that people read goes out here: in what names and values carry, a terminal finds nothing to obey."""

import io
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cellprune.runs.log import OneLine
from cellprune.wording import shortened, spoken

if TYPE_CHECKING:
    from rich.console import Console


def speak_plainly() -> None:
    """Have standard output and standard error write as an escape what they have no sign for, where they would fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(*lines: str) -> None:
    """Print lines of a result on standard output."""
    for line in lines:
        print(spoken(line))


def tell(*lines: str) -> None:
    """Print lines about the work on standard error, at once."""
    for line in lines if sys.stderr is not None else ():  # as where the shell closed it; `print` would take the other
        print(shortened(spoken(line)), file=sys.stderr, flush=True)


def console(*, error: bool = True) -> "Console":
    """Give a console for tables and bars, to which names are text and no markup."""
    from rich.console import Console

    return Console(stderr=error, markup=False, emoji=False, highlight=False)


@contextmanager
def listening() -> Iterator[None]:
    """Show what is logged as a warning or worse, a line each, on standard error; the rest goes to the run's own log."""
    handler = _Spoken(sys.stderr)
    handler.setLevel(logging.WARNING)
    handler.setFormatter(OneLine("%(message)s"))
    logging.root.addHandler(handler)
    try:
        yield
    finally:
        logging.root.removeHandler(handler)


def hush() -> None:
    """From now on show errors alone."""
    for handler in logging.root.handlers:
        if isinstance(handler, _Spoken):
            handler.setLevel(logging.ERROR)


class _Spoken(logging.StreamHandler):
    """Writes lines; one that cannot be written is an error like any other, where logging prints a traceback."""

    def handleError(self, record: logging.LogRecord) -> None:
        raise
