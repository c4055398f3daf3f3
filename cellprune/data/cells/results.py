"""Which result belongs to which truth: two folders of label images, paired by frame or by name.

    01_GT with SEG, TRA or both         mask000.tif and so on, in 01_RES or any other folder
    01_GT/SEG                           the same; outlines alone are judged, not the markers of every frame
    a folder of label images, its labels/, or a folder of images with labels    label images of the same names

What `cellprune predict` writes is a result of either kind. A folder of truth is one, too, such as 01_ST. Tracks are
judged where 01_GT/TRA has man_track.txt and the result has res_track.txt.
"""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from cellprune.data.cells import ctc, plain
from cellprune.data.cells.frames import Frame
from cellprune.data.cells.layouts import LayoutError
from cellprune.files.listing import entry, listed
from cellprune.images.aside import some
from cellprune.images.naming import of_text
from cellprune.wording import many

_OF_SEQUENCE = re.compile(r"(\d\d)_\w+")
_TRACKS = ("res_track.txt", "man_track.txt")  # of a result; of truth, which may be judged as one
_COMPARED = 200  # results at most whose names are compared with that of lone truth


@dataclass(frozen=True)
class Pairs:
    """Results and the truth that they are judged by.

    Attributes:
        frames: truth of every frame, in order; `image` is the result, a label image.
        of_challenge: whether truth is in the challenge's layout.
        has_markers: whether the markers of every frame are judged, beside outlines.
        without_truth: names of the results that are not judged.
        true_tracks, tracks: the files that list the tracks of truth and result; None without one.
        numbers: of all frames that have a result, rising, where files are paired by them.
    """

    frames: tuple[Frame, ...]
    of_challenge: bool
    has_markers: bool
    without_truth: tuple[str, ...]
    true_tracks: Path | None = None
    tracks: Path | None = None
    numbers: tuple[int, ...] = ()


def pair(truth: Path, result: Path) -> Pairs:
    """Find the truth and the results in two folders, and what belongs together.

    Raises:
        LayoutError: not a folder, no truth in it, results of another sequence, or truth without a result.
    """
    for folder in (truth, result):
        on_disk = entry(folder)
        if on_disk is None or on_disk.kind != "folder":
            raise LayoutError(f"{folder} is not a folder: name folders of label images as --truth and --result")
    place = truth.resolve()
    of_gold_alone = place.name == "SEG" and not _has_truth(place)
    if of_gold_alone or _has_truth(place):
        return _of_challenge(place.parent if of_gold_alone else place, result.resolve(), of_gold_alone)
    if recordings := [e.path for e in listed(truth) if e.kind == "folder" and _has_truth(e.path)]:
        raise LayoutError(f"{truth} holds whole recordings: name the truth of one, such as --truth {recordings[0]}")
    return _of_names(truth, result)


def _has_truth(folder: Path) -> bool:
    return (folder / "SEG").is_dir() or (folder / "TRA").is_dir()


def _of_challenge(truth: Path, result: Path, of_gold_alone: bool) -> Pairs:
    place = next((result / name for name in ("SEG", "labels") if (result / name).is_dir()), result)
    of_truth, of_result = _OF_SEQUENCE.fullmatch(truth.name), _OF_SEQUENCE.fullmatch(result.name)
    sequence = of_truth[1] if of_truth else None
    if of_result and sequence not in (None, of_result[1]):
        raise LayoutError(f"{result} is of sequence {of_result[1]}, but {truth} of {sequence}: name those of one")
    files, results = ctc.truth_in(truth), ctc.results_in(place, sequence)
    gold, markers = files["gold"], {} if of_gold_alone else files["markers"]
    numbers = sorted(gold.keys() | markers.keys())
    if not numbers:
        raise LayoutError(f"{truth} holds no truth: man_seg000.tif in SEG or man_track000.tif in TRA, and so on")
    if lone := [gold.get(at, markers.get(at)) for at in numbers if at not in results]:
        smaller = f", or score the gold frames alone by --truth {truth / 'SEG'}" if gold and markers else ""
        raise LayoutError(
            f"{place} has no result for {len(lone)} of {many(len(numbers), 'frame')} with truth, the first for "
            f"{lone[0]}: write mask{numbers[0]:03d}.tif and so on for all, without cells where none are found{smaller}"
        )
    frames = tuple(
        Frame(
            truth.parent.name, sequence or truth.name, at, results[at], gold=gold.get(at),
            silver=files["silver"].get(at), markers=files["markers"].get(at),
        )
        for at in numbers
    )  # fmt: skip
    without_truth = tuple(path.name for at, path in results.items() if at not in numbers)
    tracks = (file for name in _TRACKS if (file := place / name).is_file())
    true_tracks = truth / "TRA" / "man_track.txt"
    return Pairs(
        frames, True, bool(markers), without_truth, true_tracks if true_tracks.is_file() else None, next(tracks, None),
        tuple(results),
    )  # fmt: skip


def _of_names(truth: Path, result: Path) -> Pairs:
    gold, results, unknown = plain.label_images(truth), plain.label_images(result), plain.ignore_images(truth)
    if lone := [stem for stem in gold if stem not in results]:
        near = get_close_matches(lone[0], results, n=1) if len(results) <= _COMPARED else []
        lacking = f"{gold[lone[0]].name} (is it {results[near[0]].name}?)" if near else gold[lone[0]].name
        raise LayoutError(
            f"{result} has no result for {len(lone)} of {many(len(gold), 'label image')} in {truth}, the first for "
            f"{lacking}: write one for each under the same name, without cells where none are found"
            + plain.passed_over(result)
        )
    name = of_text(truth.resolve().name)
    frames = tuple(
        Frame(
            name, name, at, results[stem], gold=path, silver=None, markers=None, ignore=unknown.get(stem),
            name=of_text(path.name),
        )
        for at, (stem, path) in enumerate(gold.items())
    )  # fmt: skip
    return Pairs(frames, False, False, tuple(path.name for stem, path in results.items() if stem not in gold))


def left_out(pairs: Pairs) -> list[str]:
    """Say which results are not judged; at most one sentence."""
    names = pairs.without_truth
    return [f"{many(len(names), 'result')} without truth not scored: {some(names)}"] if names else []
