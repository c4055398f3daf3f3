"""The Cell Tracking Challenge's folder layout: which files are there, and what belongs together.

    NAME/01/t000.tif                     frames, three or four digits
    NAME/01_GT/SEG/man_seg000.tif        gold truth of some frames, perhaps of some cells
    NAME/01_GT/TRA/man_track000.tif      a marker for every cell; man_track.txt: label, begin, end, parent
    NAME/01_ST/SEG/man_seg000.tif        silver truth

Labels of SEG and TRA are unrelated: match them by overlap (`data.cells.matching`).
"""

import re
from pathlib import Path

from cellprune.data.cells.frames import Frame
from cellprune.data.cells.layouts import LayoutError
from cellprune.evaluation.tracks import Track
from cellprune.files.listing import listed
from cellprune.images.aside import EXPORT, first, left_aside, seen, some
from cellprune.images.naming import is_other_format

_SEQUENCE = re.compile(r"\d\d")
_FRAME = re.compile(r"t(\d{3,4})\.tif")
_TRUTH = {
    "gold": ("_GT/SEG", re.compile(r"man_seg(\d{3,4})\.tif")),
    "silver": ("_ST/SEG", re.compile(r"man_seg(\d{3,4})\.tif")),
    "markers": ("_GT/TRA", re.compile(r"man_track(\d{3,4})\.tif")),
}
_SLICE = re.compile(r"man_seg_\d+_\d+\.tif")  # gold truth of single planes exists in 3-D sets only
_RESULTS = re.compile(r"\d\d_\w+")  # folders of truth, and of what trackers leave beside it


def sequences(folder: Path) -> list[str]:
    """Name the recordings in a data set's folder, sorted; empty when there are none."""
    return [e.name for e in listed(folder) if e.kind == "folder" and _SEQUENCE.fullmatch(e.name)]


def frames(folder: Path, name: str) -> tuple[Frame, ...]:
    """List every frame with the truth it has, by (sequence, time).

    Args:
        folder: holds 01, 01_GT, 01_ST and so on.
        name: the data set's name, for messages and records.
    Raises:
        LayoutError: not a folder, no sequence, a sequence without frames, two files for one frame, a file that cannot
            be opened (a link to nothing, a pipe), or a 3-D set.
        CellpruneError: a folder that may not be listed.
    """
    if not folder.is_dir():
        raise LayoutError(f"{folder} is not a folder: name the one that holds 01, 01_GT and so on")
    names = sequences(folder)
    if not names:
        raise LayoutError(f"{folder} holds no sequence: it must be the folder with 01, 01_GT and so on in it")
    return tuple(frame for sequence in names for frame in _sequence_frames(folder, sequence, name))


def _sequence_frames(folder: Path, sequence: str, name: str) -> list[Frame]:
    images = _numbered(folder / sequence, _FRAME)
    if not images:
        raise _without_frames(folder / sequence)
    truth = truth_in(folder / f"{sequence}_GT")
    return [
        Frame(
            name,
            sequence,
            number,
            image,
            gold=truth["gold"].get(number),
            silver=truth["silver"].get(number),
            markers=truth["markers"].get(number),
        )
        for number, image in images.items()
    ]


def _without_frames(place: Path) -> LayoutError:
    inside = listed(place)
    if others := [entry for entry in inside if is_other_format(entry.name)]:
        return LayoutError(f"{place} holds no frames, but {seen(others)}: {EXPORT}, named t000.tif, t001.tif and so on")
    there = f" (but {some([entry.name for entry in inside])})" if inside else ""
    return LayoutError(f"{place} holds no frames{there}: they must be named t000.tif, t001.tif and so on")


def orphans(folder: Path) -> list[Path]:
    """List the truth files whose frame is missing, sorted."""
    lone = []
    for sequence in sequences(folder):
        images = _numbered(folder / sequence, _FRAME)
        for files in truth_in(folder / f"{sequence}_GT").values():
            lone += [path for number, path in files.items() if number not in images]
    return sorted(lone)


def truth_images(folder: Path) -> list[Path]:
    """List the instance images in a folder of truth, in the order of time; whatever else lies there is none."""
    patterns = dict.fromkeys(pattern for _, pattern in _TRUTH.values())  # gold and silver truth have the same
    return [path for pattern in patterns for path in _numbered(folder, pattern).values()]


def aside(folder: Path) -> list[str]:
    """Say what looks like an image in a set's folder and is neither a frame nor truth of one."""
    said = left_aside(folder, lambda entry: entry.kind == "folder" and _is_own(entry.name))
    for sequence in sequences(folder):
        said += _strangers(folder / sequence, _FRAME)
        for place, pattern in _TRUTH.values():
            said += _strangers(folder / f"{sequence}{place}", pattern)
    return said


def _strangers(folder: Path, pattern: re.Pattern[str]) -> list[str]:
    return left_aside(folder, lambda entry: bool(pattern.fullmatch(entry.name)))


def _is_own(name: str) -> bool:
    return bool(_SEQUENCE.fullmatch(name) or _RESULTS.fullmatch(name))


def tracks_path(folder: Path, sequence: str) -> Path:
    """Name the file that lists a sequence's tracks."""
    return folder / f"{sequence}_GT" / "TRA" / "man_track.txt"


def tracks(path: Path) -> dict[int, Track]:
    """Read man_track.txt: label -> track.

    Raises:
        LayoutError: a line that is not four whole numbers, a label listed twice, or an end before its begin.
    """
    by_label: dict[int, Track] = {}
    for at, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        if not line.strip():
            continue
        words = line.split()
        if len(words) != 4 or not all(word.isdecimal() for word in words):
            raise LayoutError(f"{path}, line {at}: {line!r} is not 'label begin end parent' in whole numbers")
        track = Track(*map(int, words))
        if track.label in by_label or track.end < track.begin:
            fault = "is listed twice" if track.label in by_label else "ends before it begins"
            raise LayoutError(f"{path}, line {at}: track {track.label} {fault}")
        by_label[track.label] = track
    return by_label


def truth_in(place: Path) -> dict[str, dict[int, Path]]:
    """Give kind -> number -> file for the truth of one sequence.

    Args:
        place: the folder with SEG and TRA, such as 01_GT; silver truth is that of 01_ST beside it.
    Raises:
        LayoutError: two files for one frame, a file that cannot be opened, or truth of a 3-D set.
    """
    gold = place / "SEG"
    for entry in listed(gold) if gold.is_dir() else ():
        if _SLICE.fullmatch(entry.name):
            raise LayoutError(
                f"{entry.path} is truth of one plane, so {place.parent} is a 3-D set: cellprune reads 2-D time-lapses"
            )
    silver = place.with_name(f"{place.name.removesuffix('_GT')}_ST") / "SEG"
    folders = {"gold": gold, "silver": silver, "markers": place / "TRA"}
    return {kind: _numbered(folder, _TRUTH[kind][1]) for kind, folder in folders.items()}


def results_in(place: Path, sequence: str | None) -> dict[int, Path]:
    """Give number -> file for a folder of results: mask000.tif of a tracker, 01_t000.tif of `predict`, or truth.

    Args:
        sequence: the one that is meant, where `predict` wrote several into one folder; None for any.
    Raises:
        LayoutError: two files for one frame, or a file that cannot be opened.
    """
    of_predict = f"(?:{sequence or _SEQUENCE.pattern}_)?t"
    return _numbered(place, re.compile(rf"(?:mask|man_seg|man_track|{of_predict})(\d{{3,4}})\.tif"))


def _numbered(folder: Path, pattern: re.Pattern[str]) -> dict[int, Path]:
    """Give time index -> file, in the order of time, for the files in `folder` whose whole name fits."""
    paths: dict[int, Path] = {}
    broken: list[str] = []
    for entry in listed(folder) if folder.is_dir() else ():
        path, match = entry.path, pattern.fullmatch(entry.name)
        if match and int(match[1]) in paths:
            raise LayoutError(f"{path} and {paths[int(match[1])].name} are both frame {int(match[1])}: remove one")
        if match and entry.kind == "neither":
            broken.append(f"{path} {entry.fault}")
        elif match:
            paths[int(match[1])] = path
    if broken:
        raise LayoutError(first(broken))
    return dict(sorted(paths.items()))
