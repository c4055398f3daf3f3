"""The run's log: what is said while a run works also stands in its log.txt, the one file that is appended to."""

import logging
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import NoReturn

from cellprune.errors import CellpruneError, WorkError
from cellprune.wording import MESSAGE_LIMIT, shortened, spoken

LOGGER = logging.getLogger("cellprune")


class OneLine(logging.Formatter):
    """Keeps every record on one line, whatever names and values stand in it; only a traceback has more."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Give the line of a record."""
        return shortened(spoken(super().formatMessage(record)), MESSAGE_LIMIT)


@contextmanager
def kept(path: Path) -> Iterator[None]:
    """Append what cellprune logs to a file; the file is made with the first line, so a refused run leaves none.

    Raises:
        CellpruneError: there is something else of this name, such as a pipe.
        WorkError: a line cannot be written, because the disk is full for example.
    """
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        raise CellpruneError(f"{path} is not a file, but the log is written there: remove it, or give another --output")
    handler = _File(path, delay=True, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(OneLine("%(asctime)s %(levelname)s %(message)s"))
    LOGGER.setLevel(logging.INFO)
    LOGGER.addHandler(handler)
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)
        with suppress(OSError):  # of a full disk it was told
            handler.close()


@cache
def warn_once(line: str) -> None:
    """Say one line, once in this process, however many runs it begins."""
    LOGGER.warning("%s", line)


class _File(logging.FileHandler):
    """A log whose failures are told as all others are; logging prints a traceback of its own and goes on."""

    def handleError(self, record: logging.LogRecord) -> NoReturn:
        """Raise what went wrong, as one line."""
        error = sys.exception()
        said = getattr(error, "strerror", None) or error
        raise WorkError(
            f"could not write {self.baseFilename} ({said}): free space or mend the folder, then start again (train: "
            "with --resume)"
        ) from error
