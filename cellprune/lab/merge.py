"""The records and tables of shards, or of several predictions, as one record and one table; no image is opened."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from heapq import merge as in_order
from itertools import islice
from pathlib import Path
from typing import Any

from cellprune.errors import CellpruneError
from cellprune.files.listing import names
from cellprune.lab import multiqc_file, record
from cellprune.lab.cells import COLUMNS
from cellprune.lab.record import RECORD, SCHEMA, TABLE
from cellprune.machine.shard import Shard
from cellprune.runs import atomic, documents, lock
from cellprune.wording import printable

_Lines = list[list[str]]  # of a table, one list of fields a cell


@dataclass(frozen=True)
class Piece:
    """What one process left: a shard, or a whole prediction.

    Attributes:
        folder: of its record and table.
        shard: None of a whole.
        said: its record.
    """

    folder: Path
    shard: Shard | None
    said: dict[str, Any]

    @property
    def settings(self) -> dict[str, object]:
        """What decided the labels."""
        return dict(self.said.get("settings", {}))


@dataclass(frozen=True)
class Merged:
    """What came of it.

    Attributes:
        pieces: how many were merged.
        failed: inputs that were not predicted, each with `image` and `why`.
    """

    pieces: int
    images: int
    cells: int
    failed: list[dict[str, str]]


def merge(folders: Sequence[Path], output: Path, *, multiqc: bool = False) -> Merged:
    """Make one record and one table of what lies in folders of predictions.

    Shards give what the prediction would have been in one process, line by line; after them come whole predictions.

    Args:
        folders: of predictions, each whole or with its shards; the shards of one prediction may be in several.
        output: where the two files go: absent or empty, one of the folders, or written by an earlier merge.
        multiqc: whether a table for MultiQC goes there, too.
    Raises:
        CellpruneError: no prediction, one that is not finished, or what does not belong together; nothing is written.
        WorkError: the output cannot be written.
    """
    pieces = [piece for folder in folders for piece in _pieces(folder)]
    _require_whole([piece for piece in pieces if piece.shard is not None])
    _require_same_inputs(pieces)
    _require_alike(pieces)
    _require_ours(output, folders)
    _require_tables_fit(pieces)
    content, made = _content(pieces)
    with lock.locked(output):
        documents.write_json(output / RECORD, content | {"finished": False})
        _write_table(output / TABLE, pieces)
        if multiqc:
            images = [(image["image"], image["cells"]) for piece in pieces for image in piece.said["images"]]
            table = multiqc_file.content(images, (Path(one["image"]).name for one in made.failed))
            documents.write_json(output / multiqc_file.NAME, table)
        documents.write_json(output / RECORD, content)
    return made


def _pieces(folder: Path) -> Iterator[Piece]:
    """Give the shards of a folder, else the whole prediction; what an earlier merge left there is made again."""
    if not folder.is_dir():
        raise CellpruneError(f"there is no folder {printable(str(folder))!r}: give the -o of predict")
    shards: list[Shard] | list[None] = record.shards_in(folder) or [None]
    for shard in shards:
        inside = record.folder_of(folder, shard)
        if not (inside / RECORD).exists():
            raise CellpruneError(f"{inside} holds no prediction: give the -o of predict")
        said = documents.read_json(inside / RECORD)
        if said.get("finished") is True and (lacking := {"settings", "images", "cells"} - said.keys()):
            raise CellpruneError(
                f"{inside / RECORD} is damaged (it has no {min(lacking)}): give the command of predict again"
            )
        if said.get("finished") is not True or not (inside / TABLE).exists():
            again = "" if shard is None else f" --shard {shard}"
            raise CellpruneError(f"{inside} is not finished: give its command{again} again, which goes on")
        yield Piece(inside, shard, said)


def _require_whole(shards: Sequence[Piece]) -> None:
    """Refuse shards of predictions in which some lack, or that are there twice."""
    there: dict[Shard, Path] = {}
    for piece in shards:
        assert piece.shard is not None
        if (other := there.setdefault(piece.shard, piece.folder)) is not piece.folder:
            raise CellpruneError(f"{other} and {piece.folder} are the same shard: give one of them")
    for count in sorted({shard.count for shard in there}):
        missing = [f"{n}/{count}" for n in range(1, count + 1) if Shard(n, count) not in there]
        if missing:
            more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
            raise CellpruneError(f"shard {missing[0]}{more} is not there: run predict with --shard {missing[0]} first")


def _require_same_inputs(pieces: Sequence[Piece]) -> None:
    """Refuse shards that shared out different lists of files: some would be in none of them."""
    firsts: dict[int, Piece] = {}
    for piece in pieces:
        if piece.shard is None:
            continue
        if "inputs" not in piece.said:
            raise CellpruneError(
                f"shard {piece.shard} in {piece.folder} is of an older version, which did not say what its inputs "
                f"were: give its command again, --shard {piece.shard} (images that are done are kept)"
            )
        first = firsts.setdefault(piece.shard.count, piece)
        if first.said["inputs"] != piece.said["inputs"]:
            raise CellpruneError(
                f"the inputs changed between shard {first.shard} and shard {piece.shard}: give the commands of all "
                "shards again, with the same inputs (images that are done are kept)"
            )


def _require_alike(pieces: Sequence[Piece]) -> None:
    """Refuse predictions by different models or settings, and images that are there twice."""
    first = pieces[0]
    seen: dict[str, Path] = {}
    for piece in pieces:
        if changed := record.differing(first.settings, piece.settings):
            raise CellpruneError(
                f"{first.folder} and {piece.folder} were predicted with another {' and another '.join(changed)}: one "
                "table is of one model and one set of options"
            )
        for image in piece.said["images"]:
            if (other := seen.setdefault(image["name"], piece.folder)) is not piece.folder:
                raise CellpruneError(
                    f"{other} and {piece.folder} both hold {image['name']!r}: if the inputs changed between two "
                    "shards, run all shards again (images that are done are kept); else merge them apart"
                )


def _require_ours(output: Path, folders: Sequence[Path]) -> None:
    """Refuse to write beside anything that neither predict nor merge has written."""
    if any(output.resolve() == folder.resolve() for folder in folders) or not output.exists():
        return
    there = names(output) if output.is_dir() else [output.name]
    is_ours = (output / RECORD).is_file() and "merged" in documents.read_json(output / RECORD)
    if set(there) - {lock.LOCK, *((RECORD, TABLE, multiqc_file.NAME) if is_ours else ())}:
        raise CellpruneError(f"{output} holds something else than a merged table: give an absent or empty folder as -o")


def _write_table(path: Path, pieces: Sequence[Piece]) -> None:
    with atomic.replacing(path) as beside, beside.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for lines in _lines(pieces):
            writer.writerows(lines)


def _require_tables_fit(pieces: Sequence[Piece]) -> None:
    """Read all tables once, so that one that does not fit its record is refused before anything is written."""
    for _ in _lines(pieces):
        pass


def _lines(pieces: Sequence[Piece]) -> Iterator[_Lines]:
    """Give the columns, then the lines of each image."""
    with ExitStack() as opened:
        tables = [_read(opened.enter_context((p.folder / TABLE).open(encoding="utf-8", newline=""))) for p in pieces]
        yield [_columns(pieces, [next(table, []) for table in tables])]
        yield from _by_image(pieces, tables)


def _read(lines: Iterable[str]) -> Iterator[list[str]]:
    return iter(csv.reader(lines))


def _columns(pieces: Sequence[Piece], headers: Sequence[list[str]]) -> list[str]:
    """Give the columns of all tables; one without cells has the first of them."""
    longest = max(headers, key=len)
    for piece, header in zip(pieces, headers, strict=True):
        if header != (longest if piece.said["cells"] else list(COLUMNS)):
            raise CellpruneError(f"{piece.folder / TABLE} has other columns than the others: predict it anew")
    return longest


def _by_image(pieces: Sequence[Piece], tables: Sequence[Iterator[list[str]]]) -> Iterator[_Lines]:
    """Give the lines of each image, those of shards in the order of the inputs, then those of whole predictions."""
    lines = [_of_images(piece, table) for piece, table in zip(pieces, tables, strict=True)]
    shards = [one for one, piece in zip(lines, pieces, strict=True) if piece.shard is not None]
    whole = [one for one, piece in zip(lines, pieces, strict=True) if piece.shard is None]
    for _, of_image in in_order(*shards, key=lambda one: one[0]):
        yield of_image
    for one in whole:
        yield from (of_image for _, of_image in one)


def _of_images(piece: Piece, table: Iterator[list[str]]) -> Iterator[tuple[int, _Lines]]:
    """Give the turn and the lines of each image."""
    for image in piece.said["images"]:
        lines = list(islice(table, image["cells"]))
        if len(lines) < image["cells"]:
            raise _torn(piece)
        yield image.get("turn", 0), lines
    if next(table, None) is not None:
        raise _torn(piece)


def _torn(piece: Piece) -> CellpruneError:
    return CellpruneError(f"{piece.folder / TABLE} does not fit its prediction.json: give the command of predict again")


def _content(pieces: Sequence[Piece]) -> tuple[dict[str, object], Merged]:
    """Give the record of all, in the order of the table, and what is told of it."""
    shards = [image for piece in pieces if piece.shard for image in piece.said["images"]]
    whole = [image for piece in pieces if not piece.shard for image in piece.said["images"]]
    images = [*sorted(shards, key=lambda image: image["turn"]), *whole]
    of_table = [image["name"] for image in images]
    failed = [one for piece in pieces for one in piece.said.get("failed", [])]
    made = Merged(len(pieces), len(images), sum(piece.said["cells"] for piece in pieces), failed)
    first = pieces[0].said
    return {
        "schema": SCHEMA,
        **{key: first[key] for key in ("settings", "engine", "decoder") if key in first},
        "merged": made.pieces,
        "finished": True,
        "images": [{key: value for key, value in image.items() if key != "turn"} for image in images],
        "cells": made.cells,
        "tiled": _in_order(of_table, pieces, "tiled"),
        "blank": _in_order(of_table, pieces, "blank"),
        "failed": failed,
    }, made


def _in_order(order: Sequence[str], pieces: Sequence[Piece], key: str) -> list[str]:
    """Give the images that the records name under a key, in the order of the table."""
    named = {name for piece in pieces for name in piece.said.get(key, [])}
    return [name for name in order if name in named]
