"""Where a page may be written: a new file, or over an older page of the same kind."""

from pathlib import Path

from cellprune.errors import CellpruneError


def refuse_taken(output: Path, kind: str) -> None:
    """Refuse a page's path that cannot be written, or that holds anything but an older page of this kind.

    Raises:
        CellpruneError: says what to give.
    """
    if output.suffix.lower() not in (".html", ".htm"):
        raise CellpruneError(f"{output} is no name of a page: name an .html file as --output")
    if output.is_dir() or not output.parent.is_dir():
        raise CellpruneError(f"{output} cannot be written: --output is a file in a folder that is there")
    if output.exists() and f'content="cellprune {kind}"' not in _start(output):
        raise CellpruneError(f"{output} is there, and no page that this command wrote: give another --output")


def _start(output: Path) -> str:
    with output.open(encoding="utf-8", errors="replace") as file:
        return file.read(1000)
