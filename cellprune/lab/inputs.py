"""From what a user names to the images that are meant: files, folders, patterns, the challenge's sets, stacks in time.

Headers are read here, pixels are not. What cannot be read is listed, not raised: the rest can be done.
"""

import glob
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cellprune.data.images import SUFFIXES, Header, ImageError, read_header
from cellprune.data.naming import IGNORE, IMAGES, LABELS, affix, stripped
from cellprune.errors import CellpruneError
from cellprune.wording import printable

# the challenge's layout, as `data.ctc` reads it; here truth plays no part
_SEQUENCE = re.compile(r"\d\d")
_FRAME = re.compile(r"t(\d{3,4})\.tif")
_LONGEST_NAME = 180  # bytes; file systems allow 255, and a file is written under a longer name first


@dataclass(frozen=True)
class Image:
    """One image to predict.

    Attributes:
        path: its file.
        plane: which image of a stack; None where the file holds one.
        frame: time index; 0 for an image that stands alone.
        name: of what is written for it, without suffix; no two images share one.
        shown: the image's name in tables and messages, printable on one line.
        header: what the file says of itself.
    """

    path: Path
    plane: int | None
    frame: int
    name: str
    shown: str
    header: Header


@dataclass(frozen=True)
class Failure:
    """An input that was not predicted, and why."""

    shown: str
    why: str


@dataclass(frozen=True)
class _File:
    path: Path
    sequence: str | None  # of the challenge's sets


def find(inputs: Sequence[str]) -> tuple[list[Image], list[Failure], list[str]]:
    """List the images that the inputs mean, in their order; a file that is named twice counts once.

    Args:
        inputs: files, folders of images or with `images/` in them, folders of the challenge's sets or of one of their
            sequences, patterns.
    Returns:
        The images; what cannot be read; and the names of files that were left out, because they are named as label
        images of other inputs.
    Raises:
        CellpruneError: an input that is not there, a folder without images, two images that would be written under
            one name, or not one image that can be read.
    """
    files = {os.path.realpath(file.path): file for given in inputs for file in _files(given)}
    labels = dict.fromkeys(_label_images(file.path for file in files.values()))
    images: list[Image] = []
    failures: list[Failure] = []
    for file in (file for file in files.values() if file.path not in labels):
        try:
            images += _images(file)
        except ImageError as error:
            failures.append(Failure(printable(str(file.path)), printable(str(error))))
    _refuse_equal_names(images)
    if not images:
        more = f" (and {len(failures) - 1} more that cannot be read)" if len(failures) > 1 else ""
        raise CellpruneError(f"{failures[0].why}{more}")
    return images, failures, [printable(path.name) for path in labels]


def _label_images(files: Iterable[Path]) -> Iterator[Path]:
    """Give the files whose names make them the label images of others among the files, in the same folder."""
    named = {path: (os.path.realpath(path.parent), path.stem) for path in files}
    images = set(named.values())
    return (path for path, (folder, stem) in named.items() if any(affix(stem)) and (folder, stripped(stem)) in images)


def _files(given: str) -> list[_File]:
    path = Path(given).expanduser()
    if path.is_dir():
        return _in_folder(path)
    if path.exists():
        return [_File(path, path.parent.resolve().name if _is_sequence(path.parent) else None)]
    if glob.has_magic(given):
        found = sorted(glob.glob(str(path), recursive=True))
        if found:
            return [file for name in found for file in _files(name)]
        raise CellpruneError(f"no file fits {printable(given)!r}: check the pattern")
    raise CellpruneError(f"there is no file or folder {printable(given)!r}: check the path")


def _in_folder(folder: Path) -> list[_File]:
    if _is_sequence(folder):
        return [_File(path, folder.resolve().name) for path in _frames(folder)]
    sequences = sorted(child for child in folder.iterdir() if _is_sequence(child))
    if sequences:
        return [_File(path, child.name) for child in sequences for path in _frames(child)]
    if files := _images_in(folder):
        return [_File(path, None) for path in files]
    inner = [child for child in sorted(folder.glob("*/")) if child.name not in (*LABELS, IGNORE) and _images_in(child)]
    meant = [child for child in inner if child.name in IMAGES]
    if len(meant) == 1:  # a data set of images/ and labels/
        return _in_folder(meant[0])
    guess = f"; did you mean {printable(str(inner[0]))!r}?" if inner else ": give one with TIFF or PNG files in it"
    raise CellpruneError(f"the folder {printable(str(folder))!r} holds no images{guess}")


def _images_in(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        # file browsers leave hidden files of the same suffix
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    )


def _is_sequence(folder: Path) -> bool:
    return bool(_SEQUENCE.fullmatch(folder.resolve().name)) and folder.is_dir() and bool(_frames(folder))


def _frames(folder: Path) -> list[Path]:
    return sorted((path for path in folder.iterdir() if _FRAME.fullmatch(path.name)), key=_frame)


def _frame(path: Path) -> int:
    match = _FRAME.fullmatch(path.name)
    return int(match[1]) if match else 0


def _images(file: _File) -> Iterator[Image]:
    """Give the image of a file, or each of a stack's, which are taken for moments of time."""
    header = read_header(file.path)
    in_sequence = file.sequence is not None and bool(_FRAME.fullmatch(file.path.name))
    if in_sequence and header.planes > 1:
        raise ImageError(f"{file.path} is a stack in a sequence, so the set is 3-D: cellprune predicts 2-D images")
    stem = file.path.name.removesuffix(file.path.suffix)
    name = f"{file.sequence}_{stem}" if in_sequence else stem
    if len(os.fsencode(name)) > _LONGEST_NAME:
        raise ImageError(f"{file.path} has a name of more than {_LONGEST_NAME} bytes: shorten it")
    shown = printable(f"{file.sequence}/{file.path.name}" if in_sequence else file.path.name)
    if header.planes == 1:
        yield Image(file.path, None, _frame(file.path) if in_sequence else 0, name, shown, header)
        return
    digits = max(3, len(str(header.planes - 1)))
    for plane in range(header.planes):
        yield Image(file.path, plane, plane, f"{name}_t{plane:0{digits}d}", shown, header)


def _refuse_equal_names(images: Sequence[Image]) -> None:
    taken: dict[str, Image] = {}
    for image in images:
        other = taken.setdefault(image.name.casefold(), image)  # some file systems do not tell a from A
        if other is not image:
            raise CellpruneError(
                f"{printable(str(other.path))} and {printable(str(image.path))} would both be written as "
                f"{printable(image.name)!r}: rename one, or predict them into folders of their own"
            )
