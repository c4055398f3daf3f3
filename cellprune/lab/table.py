"""The table of cells as a file: its rows wait on the disk, since many images have more cells than memory holds."""

import csv
import json
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TextIO

from cellprune.lab.cells import COLUMNS, Row, harmless
from cellprune.runs import atomic


class Table:
    """Rows in the order they came, all with the columns of the first.

    Args:
        folder: on whose disk they wait, in a file without a name; it goes with the table.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # named, where it has a name, as what `atomic` clears away
        self._file = tempfile.TemporaryFile(  # noqa: SIM115 (open for as long as the table lives)
            "w+", dir=folder, prefix=".cells.", suffix=".partial", encoding="utf-8"
        )
        self._columns: tuple[str, ...] = ()
        self._n = 0
        weakref.finalize(self, _close, self._file)

    def add(self, rows: Iterable[Row]) -> None:
        """Take rows.

        Raises:
            WorkError: the disk is full.
        """
        try:
            for row in rows:
                self._columns = self._columns or tuple(row)
                self._file.write(json.dumps([row[column] for column in self._columns]) + "\n")
                self._n += 1
            self._file.flush()
        except OSError as error:
            what = f"could not write in {self._folder} ({error.strerror or error})"
            raise atomic.UnwrittenError(what, "free space") from error

    def __len__(self) -> int:
        return self._n

    def __iter__(self) -> Iterator[Row]:
        self._file.seek(0)
        for _ in range(self._n):
            yield dict(zip(self._columns, json.loads(self._file.readline()), strict=True))
        self._file.seek(0, 2)


def _close(file: TextIO) -> None:
    with suppress(OSError):  # of a full disk, which was told of
        file.close()


def write_csv(path: Path, rows: Iterable[Row]) -> None:
    """Write rows as CSV, a header first, with the columns of the first row after `COLUMNS`.

    Names come from outside: one that a spreadsheet would take for a formula gets an apostrophe before it.

    Raises:
        WorkError: the disk is full or the folder cannot be written; the old content stays.
    """
    rows = iter(rows)
    first = next(rows, None)
    columns = dict.fromkeys((*COLUMNS, *(first or ())))
    with atomic.replacing(path) as beside, beside.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        for row in chain([first] if first else [], rows):
            table.writerow({key: harmless(value) for key, value in row.items()})
