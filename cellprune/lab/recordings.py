"""From label images to time-lapses: which files are frames of one recording, and at what time each was taken.

The number that ends a file's name is its time: `mask000.tif`, `01_t012.tif`, `well A 7.png`. What stands before it
names the recording. A stack is a recording of its own.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy import ndimage

from cellprune.errors import CellpruneError
from cellprune.files.listing import entry, listed
from cellprune.images import naming
from cellprune.images.read import Header, Labels, read_header, read_labels
from cellprune.lab.gathering import nearest
from cellprune.lab.linking import Frame, step_of
from cellprune.runs.names import portable
from cellprune.wording import printable

_NUMBERED = re.compile(r"(.*?)(\d+)", re.DOTALL)
_NAMELESS = re.compile(r"(?:|t|time|frame|mask|man_seg|man_track)[_\- .]*", re.IGNORECASE)
_OF_SEQUENCE = re.compile(r"(\d\d)_\w+")  # the challenge's 01_RES, 01_GT, 01_ST
_ROLES = (*naming.LABELS, "tracked", "seg", "tra")
_MOST_DIGITS = 18  # of a time: what 64 bits hold
_MOST_PER_FILE = 100  # frames; what has more has dates or seconds for numbers, and nothing could be linked


@dataclass(frozen=True)
class LabelImage:
    """One frame: a file, or a plane of a stack.

    Attributes:
        number: time index.
        name: of what is written for it, without suffix.
    """

    path: Path
    plane: int | None
    number: int
    name: str
    header: Header

    def read(self) -> Labels:
        """Read the labels, (H, W) int32, 0 is background."""
        return read_labels(self.path, self.plane)


@dataclass(frozen=True)
class Recording:
    """Label images of one time-lapse, by rising number."""

    name: str
    images: tuple[LabelImage, ...]

    @property
    def frames(self) -> list[Frame]:
        """The images as they are linked."""
        return [Frame(image.number, image.read) for image in self.images]

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.images[0].header.size

    @property
    def stack(self) -> Path | None:
        """The file, if all images are in one."""
        return self.images[0].path if self.images[0].plane is not None else None

    @property
    def gaps(self) -> list[int]:
        """Frames without a file between each image and the next; of frames numbered in steps, such steps."""
        numbers = [image.number for image in self.images]
        step = step_of(numbers)
        return [(after - before) // step - 1 for before, after in pairwise(numbers)]

    @property
    def missing(self) -> list[int]:
        """Numbers between the first and the last frame that no file has; of frames numbered in steps, such steps."""
        there = [image.number for image in self.images]
        return sorted({*range(there[0], there[-1], step_of(there))} - {*there})


def recordings(inputs: Sequence[str]) -> list[Recording]:
    """Sort label images into time-lapses, those in the order of their inputs.

    Args:
        inputs: files, stacks, folders of label images, or folders with `labels/` in them.
    Raises:
        CellpruneError: nothing there, a name without a number, two files for one time, numbers that are no times, sizes
            that differ, or not two frames of any recording.
        ImageError: a file that cannot be read.
    """
    found: dict[tuple[Path, str], list[LabelImage]] = {}
    for path in dict.fromkeys(path for given in inputs for path in _files(Path(given))):
        for prefix, image in _images(path):
            found.setdefault((path.parent, prefix), []).append(image)
    made: dict[str, Recording] = {}
    for (folder, prefix), images in found.items():
        recording = Recording(_name(folder, prefix), tuple(sorted(images, key=lambda image: image.number)))
        _require_order(recording)
        # some file systems do not tell a from A, nor the spellings of an accent
        if (other := made.setdefault(naming.of_text(recording.name).casefold(), recording)) is not recording:
            both = f"{other.images[0].path} and {recording.images[0].path}"
            raise CellpruneError(f"{both} are of recordings of one name: track them into folders of their own")
    require_time_lapse([f"{image.name}.tif" for recording in made.values() for image in recording.images])
    return list(made.values())


def require_numbers(recording: Recording) -> None:
    """Refuse masks that draw cells without numbers.

    Raises:
        CellpruneError: one number is drawn in all frames, and in several pieces.
    """
    numbers: set[int] = set()
    in_pieces: LabelImage | None = None
    for image in recording.images:
        labels = image.read()
        numbers |= set(np.unique(labels[labels > 0]).tolist())
        if len(numbers) > 1:
            return
        if in_pieces is None and ndimage.label(labels, np.ones((3, 3)))[1] > 1:
            in_pieces = image
    if in_pieces:
        raise CellpruneError(
            f"{in_pieces.path} has one number for all cells: number the cells, as `cellprune predict` does"
        )


def _files(path: Path) -> Iterator[Path]:
    on_disk = entry(path)
    if on_disk is None:
        raise CellpruneError(f"there is no file or folder {printable(str(path))!r}{nearest(path)}: check the path")
    if on_disk.kind == "neither":
        raise CellpruneError(f"{path} {on_disk.fault}")
    if on_disk.kind == "file":
        yield path
        return
    inside = listed(path)
    if labels := [e.path for e in inside if e.kind == "folder" and naming.of_role(e.name, naming.LABELS)]:
        inside = listed(labels[0])
    images = [e.path for e in inside if e.kind != "folder" and naming.is_image(e.name)]
    if not images:
        raise CellpruneError(
            f"the folder {printable(str(path))!r} holds no label images: give one with TIFF or PNG files"
        )
    yield from images


def _images(path: Path) -> Iterator[tuple[str, LabelImage]]:
    """Give what names the recording, and each frame of a file."""
    header = read_header(path)
    stem = path.name.removesuffix(path.suffix)
    if header.planes > 1:
        digits = max(3, len(str(header.planes - 1)))
        for plane in range(header.planes):
            yield stem, LabelImage(path, plane, plane, f"{stem}_t{plane:0{digits}d}", header)
        return
    prefix, number = timed(path.name)
    yield prefix, LabelImage(path, None, number, stem, header)


def timed(name: str) -> tuple[str, int]:
    """Give what a file's name says: what its recording is called, and its time.

    Raises:
        CellpruneError: no number ends it, or one that is no time.
    """
    numbered = _NUMBERED.fullmatch(naming.stripped(naming.stem_of(name)))
    if not numbered:
        raise CellpruneError(
            f"{printable(name)} has no number at the end of its name, so its time is unknown: number the frames, such "
            "as t000.tif"
        )
    if len(numbered[2].lstrip("0")) > _MOST_DIGITS:
        raise CellpruneError(
            f"{printable(name)} ends with a number of more than {_MOST_DIGITS} digits, which is no time: number the "
            "frames, such as t000.tif"
        )
    return numbered[1], int(numbered[2])


def require_time_lapse(names: Sequence[str]) -> None:
    """Refuse images of which no two are of one recording, or whose numbers are no times, by their names.

    Raises:
        CellpruneError: says what names frames have.
    """
    numbers: dict[str, list[int]] = {}
    for name in names:
        prefix, number = timed(name)
        numbers.setdefault(prefix, []).append(number)
    if max(map(len, numbers.values()), default=0) < 2:
        raise CellpruneError(
            f"{printable(names[0])} is alone: tracks need two images or more of one recording, numbered by time, such "
            "as t000.tif and t001.tif"
        )
    for prefix, own in numbers.items():
        n_frames = (max(own) - min(own)) // step_of(sorted(own)) + 1
        if n_frames > _MOST_PER_FILE * len(own):
            raise CellpruneError(
                f"{printable(prefix)}{min(own)} to {max(own)} would be {n_frames:,} frames, but {len(own)} have an "
                "image: number the frames one after the other, such as t000.tif and t001.tif"
            )


def _name(folder: Path, prefix: str) -> str:
    """Name a recording by what stands before its frames' numbers, else by the folder that they are in.

    The frames `aux1.tif` can be anywhere; a file `aux.geff` cannot.
    """
    own = re.sub(r"[_\- .]+(?:t|time|frame)?[_\- .]*\Z", "", prefix, flags=re.IGNORECASE)
    if not _NAMELESS.fullmatch(own):
        return portable(own)
    place = folder.resolve()
    while naming.of_role(place.name, _ROLES) and place.parent != place:
        place = place.parent
    of_sequence = _OF_SEQUENCE.fullmatch(place.name)
    return of_sequence[1] if of_sequence else portable(place.name or "recording")


def _require_order(recording: Recording) -> None:
    for before, after in zip(recording.images, recording.images[1:], strict=False):
        if before.number == after.number:
            raise CellpruneError(f"{before.path} and {after.path.name} are both frame {after.number}: remove one")
        if before.header.size != after.header.size:
            (height, width), (of, by) = before.header.size, after.header.size
            raise CellpruneError(
                f"{before.path} is {height} x {width} pixels, but {after.path.name} is {of} x {by}: "
                "frames of one recording have one size"
            )
