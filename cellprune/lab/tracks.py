"""What is written of tracks: tables, relabelled images, the challenge's folder of results, and a GEFF.

    tracks.csv              one line per track
    tracked/NAME.tif        label images in which a cell has the number of its track in every frame
    ctc/01_RES/             mask000.tif and so on, res_track.txt: a result of the Cell Tracking Challenge
    geff/01.geff            the graph exchange file format: one node per cell and frame

A track may have gaps. The challenge knows none, so its folder has a track for each part, the later ones as children.
Frames numbered in steps, such as 0, 10, 20, are its frames 0, 1, 2.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from cellprune.errors import CellpruneError
from cellprune.evaluation.tracks import Track
from cellprune.images.scattered import require_cells
from cellprune.lab import geff_file, stacks, track_table
from cellprune.lab.followed import Followed
from cellprune.lab.linking import Tracks, link
from cellprune.lab.output import OF_TRACKS
from cellprune.lab.recordings import Recording, require_numbers
from cellprune.lab.scale import Scale
from cellprune.runs import atomic
from cellprune.runs.linking import Linking
from cellprune.wording import printable

TABLE, TRACKED, CTC, GEFF = OF_TRACKS
_MOST_IN_CTC = 2**16 - 1


def follow(
    recording: Recording,
    by: Linking = Linking(),  # noqa: B008 (a frozen value)
    *,
    pixel_size_um: Scale | None = None,
) -> Followed:
    """Link the cells of a recording.

    Args:
        by: the numbers.
        pixel_size_um: (y, x); None for that of the first file that states one.
    Raises:
        ImageError: a file that cannot be read, or holds no labels but grey levels.
        CellpruneError: cells that are drawn without numbers.
    """
    require_numbers(recording)
    require_cells((image.path, image.read()) for image in recording.images)
    stated = (image.header.pixel_size_um for image in recording.images)
    size = pixel_size_um or next((size for size in stated if size is not None), None)
    return Followed(recording, link(recording.frames, by), size)


def write(folder: Path, recordings: Sequence[Followed], *, ctc: bool, geff: bool) -> None:
    """Write tracks.csv and the relabelled images into a folder that is there, and what else is wanted.

    Raises:
        CellpruneError: more tracks than the challenge's files hold; nothing is written.
        WorkError: the disk is full or the folder cannot be written.
    """
    for followed in recordings if ctc else ():
        require_few(followed)
    for followed in recordings:
        write_labels(folder / TRACKED, followed)
        if ctc:
            write_ctc(folder / CTC / f"{followed.recording.name}_RES", followed)
        if geff:
            geff_file.write(folder / GEFF / f"{followed.recording.name}.geff", followed)
    atomic.write_text(folder / TABLE, track_table.as_csv(recordings))


@dataclass(frozen=True)
class OfTrack:
    """The track of one cell, and the parent of that track; None for none."""

    track: int
    parent: int | None


def of_cells(counts: Mapping[str, int], recordings: Sequence[Followed]) -> Iterator[OfTrack]:
    """Give the track of every cell of some images, by label.

    Args:
        counts: name of what is written for each image -> its cells.
        recordings: of these images' label images.
    Raises:
        ValueError: an image has another number of cells.
    """
    of_image = {
        image.name: (tracks.tolist(), followed.tracks.parent_of)
        for followed in recordings
        for image, tracks in zip(followed.recording.images, followed.tracks.track_of, strict=True)
    }
    for name, n_cells in counts.items():
        tracks, parent_of = of_image[name]
        for _, track in zip(range(n_cells), tracks, strict=True):
            yield OfTrack(track, parent_of.get(track))


def write_labels(folder: Path, followed: Followed) -> None:
    """Write the label images anew, every cell with the number of its track; those of a stack as a stack.

    Raises:
        WorkError: the disk is full or the folder cannot be written.
    """
    folder.mkdir(exist_ok=True)
    dtype: type[np.unsignedinteger] = np.uint16 if followed.n_tracks <= _MOST_IN_CTC else np.uint32
    images = followed.recording.images
    made = (numbers[image.read()].astype(dtype) for image, numbers in zip(images, followed.numbers(), strict=True))
    if (stack := followed.recording.stack) is not None:
        with atomic.replacing(folder / f"{stack.stem}.tif") as beside:
            stacks.write(
                beside, made, shape=(len(images), *followed.recording.size), dtype=dtype,
                description=f"tracks of {printable(stack.name)}", pixel_size_um=followed.pixel_size_um,
            )  # fmt: skip
        return
    for image, labels in zip(images, made, strict=True):
        _save(folder / f"{image.name}.tif", labels, followed.pixel_size_um)


def write_ctc(folder: Path, followed: Followed) -> None:
    """Write mask000.tif and so on with res_track.txt: a result of the challenge.

    A frame without a file gets an image without cells, since programs take the n-th file for frame n.

    Raises:
        WorkError: see `write_labels`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts, lines = gapless(followed.tracks)
    images = {image.number // followed.tracks.step: at for at, image in enumerate(followed.recording.images)}
    digits = max(3, len(str(max(images))))
    for number in range(min(images), max(images) + 1):
        made = np.zeros(followed.recording.size, np.uint16)
        if number in images:
            at = images[number]
            numbers = np.zeros(int(followed.tracks.frames[at].labels.max(initial=0)) + 1, np.uint16)
            numbers[followed.tracks.frames[at].labels] = parts[at]
            made = numbers[followed.recording.images[at].read()]
        _save(folder / f"mask{number:0{digits}d}.tif", made, followed.pixel_size_um)
    text = "".join(f"{line.label} {line.begin} {line.end} {line.parent}\n" for line in lines)
    atomic.write_text(folder / "res_track.txt", text)


def require_few(followed: Followed) -> None:
    """Refuse what the challenge's files cannot hold.

    Raises:
        CellpruneError: more tracks than numbers of 16 bits.
    """
    if (n_tracks := len(gapless(followed.tracks)[1])) > _MOST_IN_CTC:
        raise CellpruneError(
            f"{followed.recording.name} has {n_tracks:,} tracks, but the challenge's files hold {_MOST_IN_CTC:,}: "
            "give --no-ctc, or cut the images into parts"
        )


def gapless(tracks: Tracks) -> tuple[list[NDArray[np.int64]], list[Track]]:
    """Number the tracks as the challenge does, where a track ends at each gap and goes on as a child.

    Returns:
        For each frame, the number of each cell; and the tracks by their numbers, 1 and so on.
    """
    parts: list[NDArray[np.int64]] = []
    lines: list[Track] = []
    current: dict[int, int] = {}  # track -> the number of its latest part
    for cells, of_cells in zip(tracks.frames, tracks.track_of, strict=True):
        numbers, moment = [], cells.number // tracks.step
        for track in of_cells.tolist():
            part = current.get(track, 0)
            if part and lines[part - 1].end == moment - 1:
                before = lines[part - 1]
                lines[part - 1] = Track(part, before.begin, moment, before.parent)
            else:
                parent = part or current.get(tracks.parent_of.get(track, 0), 0)
                part = len(lines) + 1
                lines.append(Track(part, moment, moment, parent))
                current[track] = part
            numbers.append(part)
        parts.append(np.array(numbers, np.int64))
    return parts, lines


def _save(path: Path, labels: NDArray[np.unsignedinteger], pixel_size_um: Scale | None) -> None:
    with atomic.replacing(path) as beside:
        tifffile.imwrite(beside, labels, compression="zlib", metadata=None, **stacks.resolution_tags(pixel_size_um))
