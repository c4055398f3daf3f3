"""Drawn cells that move and divide, and what a poor tracker makes of them: the same pixels wherever they are drawn."""

from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

Frames = list[NDArray[np.uint16]]
Lines = list[tuple[int, int, int, int]]  # label, begin, end, parent
SIZE, N_FRAMES = (96, 112), 9


def truth(seed: int) -> tuple[Frames, Lines]:
    """Draw discs that walk at random; some divide, some come late."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    at = {label: rng.integers(8, 88, 2).astype(float) for label in range(1, 11)}
    parent_of = dict.fromkeys(at, 0)
    frames: Frames = []
    for number in range(N_FRAMES):
        labels = np.zeros(SIZE, np.uint16)
        for label, (cy, cx) in at.items():
            labels[(y - cy) ** 2 + (x - cx) ** 2 <= 20] = label
        frames.append(labels)
        for label in [label for label in at if label in labels and rng.random() < 0.08]:
            cy, cx = at.pop(label)
            for side in (-5, 5):
                at[len(parent_of) + 1] = np.array([cy, cx + side])
                parent_of[len(parent_of) + 1] = label
        if number == 3:
            at[len(parent_of) + 1] = np.array([20.0, 50.0])
            parent_of[len(parent_of) + 1] = 0
        for place in at.values():
            place += rng.normal(0, 2, 2)
    return consistent(frames, parent_of)


def spoiled(frames: Frames, lines: Lines, seed: int) -> tuple[Frames, Lines]:
    """Make every kind of mistake: missed and extra cells, merged and swapped tracks, false and missed divisions."""
    rng = np.random.default_rng(seed)
    found = [labels.astype(np.int64) for labels in frames]
    parent_of = {label: 0 if rng.random() < 0.3 else parent for label, _, _, parent in lines}
    for number in range(1, len(found)):
        cells = rng.permutation(np.unique(found[number][found[number] > 0]))
        if len(cells) < 4:
            continue
        for labels in found[number:]:  # swapped from here on
            first, second = labels == cells[0], labels == cells[1]
            if number % 3 == 0:
                labels[first], labels[second] = cells[1], cells[0]
        if number % 2:
            found[number][found[number] == cells[2]] = 0
        if number % 4 == 1:
            found[number][found[number] == cells[3]] = cells[0]
        if number % 4 == 2:  # the rest of a track becomes a child of it
            new = max(parent_of) + 1
            for labels in found[number:]:
                labels[labels == cells[3]] = new
            parent_of[new] = int(cells[3])
        found[number][2:4, 2:5] = max(parent_of) + 1
        parent_of[max(parent_of) + 1] = 0
    return consistent(found, parent_of)


def consistent(frames: list[NDArray], parent_of: dict[int, int]) -> tuple[Frames, Lines]:
    """Give every run of frames that shows a label a track of its own; the next run is its child."""
    runs: list[list[int]] = []  # label, begin, end, number
    for number, labels in enumerate(frames):
        for label in np.unique(labels[labels > 0]).tolist():
            run = next((run for run in runs if run[0] == label and run[2] == number - 1), None)
            if run:
                run[2] = number
            else:
                runs.append([label, number, number, len(runs) + 1])
    made = [np.zeros(labels.shape, np.uint16) for labels in frames]
    lines: Lines = []
    for label, begin, end, new in runs:
        for number in range(begin, end + 1):
            made[number][frames[number] == label] = new
        before = [run for run in runs if run[0] in (label, parent_of[label]) and run[2] < begin]
        lines.append((new, begin, end, max(before, key=lambda run: run[2])[3] if before else 0))
    return made, lines


def write(folder: Path, frames: Frames, lines: Lines, *, is_truth: bool, sequence: str = "01") -> Path:
    """Write 01_GT with gold truth of every frame, or 01_RES; give the folder."""
    place = folder / (f"{sequence}_GT/TRA" if is_truth else f"{sequence}_RES")
    place.mkdir(parents=True)
    if is_truth:
        (folder / f"{sequence}_GT/SEG").mkdir()
    for number, labels in enumerate(frames):
        tifffile.imwrite(place / f"{'man_track' if is_truth else 'mask'}{number:03d}.tif", labels)
        if is_truth:
            tifffile.imwrite(folder / f"{sequence}_GT/SEG/man_seg{number:03d}.tif", labels)
    text = "".join(f"{' '.join(map(str, line))}\n" for line in lines)
    (place / ("man_track.txt" if is_truth else "res_track.txt")).write_text(text)
    return folder / (f"{sequence}_GT" if is_truth else f"{sequence}_RES")
