"""From what a user names to files: files, folders, patterns, the challenge's sets.

Whatever looks like an image in a named folder is in the answer: as a file, or with the reason why not.
"""

import glob
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from cellprune.errors import CellpruneError
from cellprune.files.listing import Entry, entry, is_litter, listed
from cellprune.images import naming
from cellprune.images.aside import first, holds_images, looks_like_image, seen, why_not
from cellprune.images.naming import IGNORE, IMAGES, LABELS
from cellprune.images.sources import is_zarr
from cellprune.wording import printable

# the challenge's layout, as `data.cells.ctc` reads it; here truth plays no part
_SEQUENCE = re.compile(r"\d\d")
_BESIDE_SEQUENCES = re.compile(r"\d\d_\w+")
_FRAME = re.compile(r"t(\d{3,4})\.tif")


@dataclass(frozen=True)
class Failure:
    """An input that was not predicted, and why.

    Attributes:
        turn: see `inputs.Image`; 0 for what is no file that is meant.
    """

    shown: str
    why: str
    turn: int = field(default=0, compare=False)

    @staticmethod
    def of(path: Path, why: str) -> "Failure":
        """Say of a path why it is not predicted, as the rest of a sentence that begins with it."""
        return Failure(printable(str(path)), printable(f"{path} {why}"))


@dataclass(frozen=True)
class File:
    """A file that is meant.

    Attributes:
        sequence: the recording of the challenge's sets that it is a frame of; None for others.
        frame: time index in it.
    """

    path: Path
    sequence: str | None = None
    frame: int = 0


@dataclass(frozen=True)
class _Labels:
    path: Path  # a folder of label images beside images


_Found = File | _Labels | Failure


class _Folders:
    """What is known of folders while one call looks around; asked for every file, and looked up once."""

    def __init__(self) -> None:
        self.real = cache(lambda folder: Path(os.path.realpath(folder)))
        self.is_sequence = cache(self._is_sequence)

    def content(self, path: Path) -> Path:
        """Give where the content of a file lies."""
        return Path(os.path.realpath(path)) if path.is_symlink() else self.real(path.parent) / path.name

    def file(self, path: Path) -> File:
        """Give a file with its place in a recording, if it has one."""
        match = _FRAME.fullmatch(path.name)
        if match and self.is_sequence(path.parent):
            return File(path, self.real(path.parent).name, int(match[1]))
        return File(path)

    def is_around(self, folder: Path) -> bool:
        """Tell a link that leads back to where it lies, or above: what is there is looked at already, or not meant."""
        home = self.real(folder.parent)
        return folder.is_symlink() and self.real(folder) in (home, *home.parents)

    def _is_sequence(self, folder: Path) -> bool:
        if not _SEQUENCE.fullmatch(self.real(folder).name):
            return False
        try:
            return any(_FRAME.fullmatch(found.name) for found in listed(folder))
        except CellpruneError:
            return False  # what may not be listed is told of where it is named


def gathered(inputs: Sequence[str]) -> tuple[list[File], list[Failure], list[str]]:
    """Sort what the inputs mean, in their order; a file that is named twice counts once.

    An input that means nothing is a failure like a file that cannot be read.

    Returns:
        The files; what looks like an image and is none of them; and the names of what was left out because it is named
        as label images are, or is a JPEG of an image beside it.
    """
    folders = _Folders()
    files: dict[tuple[Path, str], File] = {}
    failures: dict[Failure, None] = {}
    left_out: dict[str, None] = {}
    for given in inputs:
        try:
            for found in _meant(given, folders):
                if isinstance(found, File):
                    # links to one content are images of their own, unless their results would bear one name
                    files.setdefault((folders.content(found.path), found.path.stem), found)
                elif isinstance(found, Failure):
                    failures[found] = None
                else:
                    left_out[printable(f"{found.path.name}/")] = None
        except CellpruneError as error:
            failures[Failure(printable(given), printable(str(error)))] = None
    labels = dict.fromkeys(_label_images((file.path for file in files.values()), folders))
    left_out |= {printable(path.name): None for path in labels}
    copies = dict.fromkeys(_copies([file.path for file in files.values() if file.path not in labels], folders))
    left_out |= {printable(path.name): None for path in copies}
    meant = [file for file in files.values() if file.path not in labels and file.path not in copies]
    return meant, list(failures), list(left_out)


def _meant(given: str, folders: _Folders) -> Iterator[_Found]:
    path = Path(os.path.expanduser(given))
    on_disk = entry(path)
    if on_disk is None and glob.has_magic(given):
        fitting = [name for name in sorted(glob.glob(str(path), recursive=True)) if not is_litter(Path(name).name)]
        if not fitting:
            raise CellpruneError(f"no file fits {printable(given)!r}: check the pattern")
        for name in fitting:
            try:
                yield from _meant(name, folders)
            except CellpruneError as error:
                yield Failure(printable(name), printable(str(error)))
    elif on_disk is None:
        raise CellpruneError(f"there is no file or folder {printable(given)!r}{nearest(path)}: check the path")
    elif on_disk.kind == "neither":
        yield Failure.of(path, on_disk.fault)
    elif on_disk.kind == "folder" and not is_zarr(path):
        yield from _in_folder(path, folders)
    elif is_litter(path.name):
        return  # a shell's pattern hands it over
    else:
        yield folders.file(path if path.name not in ("", "..") else folders.real(path))  # where one stands


def nearest(path: Path) -> str:
    """Give the names beside a missing one that are most like it, in brackets; "" where none is."""
    try:
        there = {naming.of_text(inside.name): inside.name for inside in listed(path.parent)}
    except CellpruneError:
        return ""
    close = get_close_matches(naming.of_text(path.name), there, n=2) if len(there) < 10_000 else []
    return f" (did you mean {' or '.join(printable(there[name]) for name in close)}?)" if close else ""


def _in_folder(folder: Path, folders: _Folders) -> Iterator[_Found]:
    """Give all that looks like an image in a folder; what lies in folders inside is named, not predicted."""
    inside = listed(folder)
    inner = [found.path for found in inside if _is_inner(found)]
    images = [found for found in inside if not _is_inner(found) and looks_like_image(found)]
    recordings = {path for path in inner if folders.is_sequence(path)}
    meant = [path for path in inner if naming.of_role(path.name, IMAGES)]
    if recordings or any(map(_is_readable, images)):
        meant = []
    elif len(meant) != 1:  # else a data set of images/ and labels/
        raise _nothing_in(folder, images, inner)
    for found in images:
        if _is_readable(found):
            yield folders.file(found.path)
        else:
            yield Failure.of(found.path, why_not(found))
    for path in inner:
        if path in recordings or path in meant:
            yield from _in_folder(path, folders)
        elif naming.of_role(path.name, (*LABELS, IGNORE)):
            if not meant and holds_images(path):
                yield _Labels(path)
        elif recordings and _BESIDE_SEQUENCES.fullmatch(path.name):
            continue  # truth and results of the challenge
        elif not folders.is_around(path) and holds_images(path):
            yield Failure.of(path, "is a folder inside the folder that you gave: give it, too, to predict its images")


def _is_inner(found: Entry) -> bool:
    return found.kind == "folder" and not naming.is_other_format(found.name)  # some formats are folders


def _is_readable(found: Entry) -> bool:
    return found.kind != "neither" and naming.is_predicted(found.name)


def _nothing_in(folder: Path, images: Sequence[Entry], inner: Sequence[Path]) -> CellpruneError:
    """Say what a folder without a TIFF or PNG holds instead."""
    start = f"the folder {printable(str(folder))!r} holds no images"
    if broken := [f for f in images if f.kind == "neither" or not naming.is_other_format(f.name)]:
        return CellpruneError(first([f"{found.path} {why_not(found)}" for found in broken]))
    if images:
        return CellpruneError(f"{start} that can be read, but {seen(images)}; {images[0].path} {why_not(images[0])}")
    others = [path for path in inner if not naming.of_role(path.name, (*LABELS, IGNORE)) and holds_images(path)]
    if len(others) > 1 and (images_in := _images_in_each(others)):
        return CellpruneError(f"{start}; did you mean {printable(str(folder / '*' / images_in))!r}?")
    guess = f"; did you mean {printable(str(others[0]))!r}?" if others else ": give one with TIFF or PNG files in it"
    return CellpruneError(f"{start}{guess}")


def _images_in_each(folders: Sequence[Path]) -> str | None:
    """Give the name of the folder of images that each of some has, as in the Data Science Bowl 2018."""
    names = ({found.name for found in listed(folder)} for folder in folders[:3])
    return next((name for name in sorted(set.intersection(*names)) if naming.of_role(name, IMAGES)), None)


def _label_images(files: Iterable[Path], folders: _Folders) -> Iterator[Path]:
    """Give the files whose names make them the label images of others among the files, in the same folder."""
    named = {path: (folders.real(path.parent), naming.stem_of(path.name)) for path in files}
    images = set(named.values())
    return (
        path
        for path, (folder, stem) in named.items()
        if any(naming.affix(stem)) and (folder, naming.stripped(stem)) in images
    )


def _copies(files: Sequence[Path], folders: _Folders) -> Iterator[Path]:
    """Give the JPEGs that have an image of their name beside them, of which they are copies for the eye."""
    whole = {(folders.real(path.parent), path.stem) for path in files if not naming.is_jpeg(path.name)}
    yield from (p for p in files if naming.is_jpeg(p.name) and (folders.real(p.parent), p.stem) in whole)
