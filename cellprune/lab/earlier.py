"""What an earlier watch did of images that may be gone since: its lines of the table, and its words of the record."""

import csv
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from cellprune.errors import CellpruneError
from cellprune.lab.cells import Row
from cellprune.lab.job import Done
from cellprune.lab.output import Output
from cellprune.lab.record import RECORD, TABLE
from cellprune.lab.tracks import OfTrack
from cellprune.runs import documents

_MOMENT = re.compile(r"(.+)_t\d{3,}")
_OF_TRACKS = {column.name for column in fields(OfTrack)}


@dataclass(frozen=True)
class _Record:
    """What a record says: its images, each with its name and its number of cells, and the names of some of them."""

    images: tuple[dict[str, Any], ...] = ()
    tiled: tuple[str, ...] = ()
    blank: tuple[str, ...] = ()


class Earlier:
    """What a folder of results says of its images, as it was when this was made.

    Args:
        output: the folder.
    """

    def __init__(self, output: Output) -> None:
        self._output = output
        self._said = _record(output.path)
        self._rows = output.table()
        self._rows.add(_rows(output.path, self._said))
        self._anew: set[str] = set()

    def drop(self, names: Collection[str]) -> None:
        """Take no more from here of images that are looked at anew."""
        self._anew |= set(names)

    def and_(self, done: Done) -> Done:
        """Give all that is done: what was done earlier and is not looked at anew, then the rest."""
        kept = [image for image in self._said.images if image["name"] not in self._anew]
        if not kept:
            return done
        names, rows = {image["name"] for image in kept}, self._output.table()
        of_rows = (image["name"] for image in self._said.images for _ in range(image["cells"]))
        rows.add(row for name, row in zip(of_rows, self._rows, strict=True) if name in names)
        rows.add(done.rows)
        tiled, blank = ([name for name in of if name in names] for of in (self._said.tiled, self._said.blank))
        return replace(
            done, rows=rows, images=[*kept, *done.images], kept=len(kept) + done.kept, tiled=[*tiled, *done.tiled],
            blank=[*blank, *done.blank],
        )  # fmt: skip


def names_in(folder: Path) -> set[str]:
    """Give the names of what was written for each image that a folder of results is of, and of stacks of moments."""
    named = {image["name"] for image in _record(folder).images}
    return named | {match[1] for name in named if (match := _MOMENT.fullmatch(name))}


def _record(folder: Path) -> _Record:
    """Read what was done earlier; of a table that does not fit its record nothing is known."""
    with suppress(CellpruneError, OSError, ValueError, LookupError, TypeError):
        words = documents.read_json(folder / RECORD)
        said = _Record(*(tuple(words.get(key, ())) for key in ("images", "tiled", "blank")))
        for _ in _rows(folder, said):
            pass
        return said
    return _Record()


def _rows(folder: Path, said: _Record) -> Iterator[Row]:
    """Give each line of the table; tracks are of all frames, and are left out.

    Raises:
        ValueError: the table does not fit the record.
    """
    if not said.images:
        return
    with (folder / TABLE).open(encoding="utf-8", newline="") as file:
        table = csv.DictReader(file)
        for image in said.images:
            for _ in range(image["cells"]):
                row = next(table, None)
                if row is None or None in row.values() or None in row:
                    raise ValueError("the table is torn")
                yield {key: value for key, value in row.items() if key not in _OF_TRACKS}
        if next(table, None) is not None:
            raise ValueError("the table is torn")
