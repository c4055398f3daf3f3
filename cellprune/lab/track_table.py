"""Tracks as tables: one line per track, and what links alone know of each cell."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields

from cellprune.lab.cells import harmless
from cellprune.lab.followed import Followed
from cellprune.lab.scale import Scale


@dataclass(frozen=True)
class Line:
    """A line of tracks.csv; docs/reference/tracks.md explains its columns. None is an empty field."""

    sequence: str
    track: int
    parent: int | None
    daughters: str
    first_frame: int
    last_frame: int
    n_frames: int
    first_y_px: float
    first_x_px: float
    last_y_px: float
    last_x_px: float
    first_y_um: float | None
    first_x_um: float | None
    last_y_um: float | None
    last_x_um: float | None


COLUMNS = tuple(field.name for field in fields(Line))


def as_csv(recordings: Sequence[Followed]) -> str:
    """Write tracks.csv: one line per track, of every recording."""
    return _written(COLUMNS, (astuple(line) for followed in recordings for line in _lines(followed)))


@dataclass(frozen=True)
class CellLine:
    """What links alone know of a line of cells.csv; None is an empty field."""

    image: str
    frame: int
    label: int
    area_px: int
    area_um2: float | None
    y_px: float
    x_px: float
    y_um: float | None
    x_um: float | None
    track: int
    parent: int | None


def cell_lines(followed: Followed) -> Iterator[CellLine]:
    """Give the cells of a recording, frame by frame."""
    tracks, size = followed.tracks, followed.pixel_size_um
    for image, cells, of_cells in zip(followed.recording.images, tracks.frames, tracks.track_of, strict=True):
        for at, track in enumerate(of_cells.tolist()):
            place, area_px = cells.position_px[at].tolist(), int(cells.area_px[at])
            area_um2 = None if size is None else round(area_px * size[0] * size[1], 3)
            yield CellLine(
                image.path.name, image.number, int(cells.labels[at]), area_px, area_um2, *_rounded(place),
                *_um(place, size), track, tracks.parent_of.get(track),
            )  # fmt: skip


def cells_as_csv(recordings: Sequence[Followed]) -> str:
    """Write cells.csv: one line per cell and frame, of every recording."""
    columns = tuple(field.name for field in fields(CellLine))
    return _written(columns, (astuple(line) for followed in recordings for line in cell_lines(followed)))


def _written(columns: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(columns)
    table.writerows(map(harmless, line) for line in lines)
    return text.getvalue()


def _lines(followed: Followed) -> Iterator[Line]:
    first: dict[int, tuple[int, list[float]]] = {}  # track -> frame and place
    last: dict[int, tuple[int, list[float]]] = {}
    n_frames: Counter[int] = Counter()
    for cells, of_cells in zip(followed.tracks.frames, followed.tracks.track_of, strict=True):
        for track, place in zip(of_cells.tolist(), cells.position_px.tolist(), strict=True):
            last[track] = (cells.number, place)
            first.setdefault(track, last[track])
            n_frames[track] += 1
    daughters: dict[int, list[int]] = {}
    for track, parent in followed.tracks.parent_of.items():
        daughters.setdefault(parent, []).append(track)
    for track, (begin, start) in sorted(first.items()):
        end, stop = last[track]
        yield Line(
            followed.recording.name, track, followed.tracks.parent_of.get(track),
            " ".join(map(str, daughters.get(track, ()))), begin, end, n_frames[track],
            *_rounded(start), *_rounded(stop), *_um(start, followed.pixel_size_um), *_um(stop, followed.pixel_size_um),
        )  # fmt: skip


def _um(place: Sequence[float], pixel_size_um: Scale | None) -> tuple[float | None, float | None]:
    if pixel_size_um is None:
        return None, None
    return _rounded([at * side for at, side in zip(place, pixel_size_um, strict=True)])


def _rounded(place: Sequence[float]) -> tuple[float, float]:
    """Give (y, x) with three digits behind the point, as cells.csv has them."""
    return round(place[0], 3), round(place[1], 3)
