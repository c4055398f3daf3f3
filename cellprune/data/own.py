"""Data of the user's own: what FILE.py:NAME gives when it is called. A finished run never makes it run."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

from cellprune.config import own
from cellprune.errors import CellpruneError, WorkError

KIND = "data set"


def called(name: str, source_sha256: str | None) -> object:
    """Run the file, call NAME without arguments, and give what comes of it.

    Args:
        name: FILE.py:NAME.
        source_sha256: what the file's content must be; None for any.
    Raises:
        CellpruneError: there is no such file or name, the file changed, or NAME cannot be called.
        WorkError: it fails.
    """
    code = own.read(KIND, name, made_of=source_sha256)
    if not callable(code):
        raise CellpruneError(
            f"data set {own.short(name)!r} is {type(code).__name__}: give a function without arguments that returns "
            "the data"
        )
    with failing(name):
        return cast(Callable[[], object], code)()


@contextmanager
def failing(name: str) -> Iterator[None]:
    """Say in which line of the user's own file an error came up; ours pass.

    Raises:
        WorkError: names it.
    """
    try:
        yield
    except CellpruneError:
        raise
    except (Exception, SystemExit) as error:  # its exit() would end the whole program without a word
        raise WorkError(f"data set {own.short(name)!r} failed ({own.fault(name, error)}): mend its code") from error
