"""The run's log: what is said while a run works also stands in its log.txt, the one file that is appended to."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

LOGGER = logging.getLogger("cellprune")


@contextmanager
def kept(path: Path) -> Iterator[None]:
    """Append what cellprune logs to a file; the file is made with the first line, so a refused run leaves none."""
    handler = logging.FileHandler(
        path, delay=True, encoding="utf-8", errors="backslashreplace"
    )  # names that are no text, too
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    LOGGER.setLevel(logging.INFO)
    LOGGER.addHandler(handler)
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)
        handler.close()


@cache
def warn_once(line: str) -> None:
    """Say one line, once in this process, however many runs it begins."""
    LOGGER.warning("%s", line)
