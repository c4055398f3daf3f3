"""From what a user names to the images that are meant, each with a name of its own for what is written of it.

Headers are read here, pixels are not. What cannot be read is listed, not raised: the rest can be done.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from numpy.typing import NDArray

from cellprune.errors import CellpruneError
from cellprune.images import naming, sources
from cellprune.images.blocks import Windows
from cellprune.images.header import Header, ImageError, Pick
from cellprune.images.source import Member
from cellprune.lab.axes import Axes
from cellprune.lab.gathering import Failure, File, gathered
from cellprune.lab.position import Position
from cellprune.wording import printable

_LONGEST_NAME = 180  # bytes; file systems allow 255, and a file is written under a longer name first


@dataclass(frozen=True)
class Image:
    """One image to predict.

    Attributes:
        path: its file, or the folder of it in an OME-Zarr.
        plane: which image of a stack; None where the file holds one.
        frame: time index; 0 for an image that stands alone.
        name: of what is written for it, without suffix; no two images share one.
        shown: the image's name in tables and messages, printable on one line.
        header: what the file says of itself.
        stack: of what is written for all images of a stack together; None where the file holds one.
        turn: of its file, well or series among all that the inputs mean, from 0; shards are of these.
        pick: what of the file's axes is meant; None for the plane as it is.
        position: where in the file it is; None where the file holds one.
        inside: which of the file's images; None where the path says it.
    """

    path: Path
    plane: int | None
    frame: int
    name: str
    shown: str
    header: Header
    stack: str | None = None
    turn: int = 0
    pick: Pick | None = None
    position: Position | None = None
    inside: int | None = None

    def levels(self, *, channels: int) -> NDArray:
        """Read its grey levels as they are saved, (C, H, W); see `images.read.read_grey_levels`."""
        member = Member(self.path, self.inside)
        return sources.read_grey_levels(member, self.plane, channels=channels, pick=self.pick)

    def looks_grey(self) -> bool:
        """Tell whether it saves one and the same as each of several channels; raises as `levels`."""
        if self.pick is not None:
            return len(self.levels(channels=1)) == 1
        return sources.has_equal_channels(Member(self.path, self.inside), self.plane)

    def windows(self) -> AbstractContextManager[Windows]:
        """Open it to be read a box at a time; see `images.read.opened_windows`."""
        return sources.opened_windows(Member(self.path, self.inside), self.plane, pick=self.pick)


def find(inputs: Sequence[str], axes: Axes | None = None) -> tuple[list[Image], list[Failure], list[str]]:
    """List the images that the inputs mean, in their order; a file that is named twice counts once.

    Args:
        inputs: files, folders of images or with `images/` in them, folders of the challenge's sets or of one of their
            sequences, patterns.
        axes: what is meant of files of several slices or channels; None where each plane is a moment and has all
            channels.
    Returns:
        The images; what is not predicted: cannot be read, is in another format, in a folder of a folder, or would be
        written under another's name; and the names of what was left out because it is named as label images are.
    Raises:
        CellpruneError: not one image that can be read; the first reason.
    """
    files, failures, left_out = gathered(inputs)
    images: list[Image] = []
    for turn, (file, member) in enumerate(members_of(files)):
        try:
            images += images_of(file, member, turn, axes or Axes())
        except ImageError as error:
            failures.append(Failure(printable(str(member.path)), printable(str(error)), turn))
    images, clashing = _of_names_of_their_own(images)
    failures += clashing
    if not images:
        more = f" (and {len(failures) - 1} more not done)" if len(failures) > 1 else ""
        raise CellpruneError(
            f"{failures[0].why}{more}" if failures else "no image is named: give TIFF or PNG files, or folders of them"
        )
    return images, failures, left_out


def notes(images: Sequence[Image]) -> list[str]:
    """Say what is to be known of how files are read: each once, with the first file and how many more there are."""
    files: dict[str, dict[str, None]] = {}
    for image in images:
        for note in image.header.notes:
            files.setdefault(note, {})[image.stack or image.shown] = None
    shown = {image.stack or image.shown: image.shown for image in reversed(images)}
    return [
        f"{shown[next(iter(named))]}{f' (and {len(named) - 1} more)' if len(named) > 1 else ''} {note}"
        for note, named in files.items()
    ]


def note_of_labels(left_out: Sequence[str]) -> str | None:
    """Say what `find` left out, such as label images; None for nothing."""
    if not left_out:
        return None
    more = f" (and {len(left_out) - 1} more)" if len(left_out) > 1 else ""
    return (
        f"{left_out[0]}{more} is named as labels of the images beside it, or is a JPEG of one: left out; name it alone "
        "to predict it"
    )


def digest(images: Sequence[Image], failures: Sequence[Failure]) -> str:
    """Give the sha256 of the list of files that the inputs mean, which tells whether shards shared out the same one.

    Names alone count, since a folder may have another path on another machine. A file that is repaired keeps its place.
    """
    files = {(image.turn, printable(image.path.name)) for image in images}
    files |= {(failure.turn, Path(failure.shown).name) for failure in failures}
    return hashlib.sha256(json.dumps(sorted(files)).encode()).hexdigest()


def members_of(files: Sequence[File]) -> Iterator[tuple[File, Member]]:
    """Give what lies in the files; one that cannot be looked into is its own only member, with the reason."""
    for file in files:
        try:
            found = sources.members(file.path)
        except ImageError as error:
            found = [Member(file.path, fault=str(error))]
        for member in found:
            yield file, member


def images_of(file: File, member: Member, turn: int, axes: Axes) -> Iterator[Image]:
    """Give the image of a file, or each of a stack's: moments of time, or slices in Z where each is asked for.

    Raises:
        ImageError: it cannot be read, or means something else.
    """
    whole = sources.read_header(member, axes=axes.order)
    path, inside = member.path, member.number
    if axes.z is None and whole.slices > 1:
        raise ImageError(
            f"{path} is a stack of {whole.slices} slices in Z, not of moments in time: give --z max, each or the "
            "number of a slice; if they are moments, save them as such (ImageJ: Image > Properties, frames instead of "
            "slices)"
        )
    header = axes.header(whole, path)
    if file.sequence and header.planes > 1:
        raise ImageError(f"{file.path} is a stack in a sequence, so the set is 3-D: cellprune predicts 2-D images")
    stem = file.path.name.removesuffix(file.path.suffix)
    stem = f"{stem}_{member.name}" if member.name else stem
    name = f"{file.sequence}_{stem}" if file.sequence else stem
    if len(os.fsencode(name)) > _LONGEST_NAME:
        raise ImageError(f"{file.path} has a name of more than {_LONGEST_NAME} bytes: shorten it")
    shown = printable(f"{file.sequence}/{file.path.name}" if file.sequence else _shown(file, member))
    if header.planes == 1:
        pick, position = axes.pick(whole, 0), axes.position(whole, 0)
        yield Image(path, None, file.frame, name, shown, header, None, turn, pick, position, inside)
        return
    digits = max(3, len(str(header.planes - 1)))
    # label images of slices are no recording: each has a file
    letter, stack = ("z", None) if axes.z == "each" and whole.slices > 1 else ("t", name)
    for plane in range(header.planes):
        own = f"{name}_{letter}{plane:0{digits}d}"
        pick, position = axes.pick(whole, plane), axes.position(whole, plane)
        yield Image(path, plane, plane, own, shown, header, stack, turn, pick, position, inside)


def _shown(file: File, member: Member) -> str:
    """Name a file, or the image in it that is meant."""
    if member.number is not None and member.name:
        return f"{file.path.name}, {member.name}"
    return file.path.name if member.path == file.path else f"{file.path.name}/{member.path.relative_to(file.path)}"


def _of_names_of_their_own(images: Sequence[Image]) -> tuple[list[Image], list[Failure]]:
    """Set apart the files whose results would be written under one name: none of them is to be lost unsaid."""
    taken: dict[str, Image] = {}
    clashing: dict[Path, str] = {}
    named = [(image.name, image) for image in images]
    # a stack has a name of its own, which its first image takes for it
    named += [(image.stack, image) for image in images if image.stack is not None and not image.plane]
    for name, image in named:
        # some file systems do not tell a from A, nor the spellings of an accent
        other = taken.setdefault(naming.of_text(name).casefold(), image)
        if other is not image:
            for path, rival in ((other.path, image.path), (image.path, other.path)):
                clashing.setdefault(path, f"and {rival} would both be written as {name!r}")
    turns = {image.path: image.turn for image in images}
    failures = [
        replace(Failure.of(path, f"{what}: rename one, or predict them into folders of their own"), turn=turns[path])
        for path, what in clashing.items()
    ]
    return [image for image in images if image.path not in clashing], failures
