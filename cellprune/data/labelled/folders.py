"""Folders of images, each of one class: which there are, of which class, and which are the test. None is decoded.

    FOLDER/train/CLASS/IMAGE    FOLDER/val/CLASS/IMAGE     as of ImageNet; the test may also be named valid or test
    FOLDER/CLASS/IMAGE                                     one tree: a share of each class is held out as the test
    FOLDER/train.txt            FOLDER/val.txt             lists in the place of either: a line has an image and a class
    FOLDER/val/IMAGE            FOLDER/val/val_annotations.txt   as the archive of TinyImageNet has its validation part

Images may lie in folders inside their class's folder. In a list the image is named from the part's folder or from
FOLDER; the class is a folder's name in `train`, or its number in the order of the names, from 0.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellprune.data.draws import shuffled
from cellprune.data.labelled import content
from cellprune.data.labelled.content import Named, Stamp, stamp_of
from cellprune.errors import CellpruneError, unknown
from cellprune.files import reading
from cellprune.files.listing import Entry, entry, listed
from cellprune.images.naming import IGNORE, IMAGES, LABELS
from cellprune.images.photo import SUFFIXES
from cellprune.wording import many, quoted, reason

TRAIN, TESTS = "train", ("val", "valid", "validation", "test")
ANNOTATIONS = "val_annotations.txt"
WANTED = "wanted are FOLDER/train/CLASS/IMAGE and FOLDER/val/CLASS/IMAGE, or FOLDER/CLASS/IMAGE"
_MOST_LIST_BYTES = 2**28
_CELLS = {*IMAGES, *LABELS, IGNORE}  # names of folders that a set of cells in images is made of


class FoldersError(CellpruneError):
    """A folder that holds no images of classes in a known shape."""


@dataclass(frozen=True, eq=False)
class Listing:
    """The images of a set, those of the test after the others.

    Attributes:
        classes: their names, in the order of their numbers.
        paths: of the images, from the folder, with /.
        targets: the number of each one's class.
        n_train: how many are no test images.
        files: what is hashed -> its sha256, see `data.labelled.content`.
    """

    folder: Path
    classes: tuple[str, ...]
    paths: tuple[str, ...]
    targets: NDArray[np.int64]
    n_train: int
    files: dict[str, str]


def holds(folder: Path) -> bool:
    """Tell whether a folder holds images of classes, and no cells in images; a quick look, not at every file."""
    if not folder.is_dir():
        return False
    inside = {row.name: row for row in listed(folder)}
    if _CELLS & {name.lower() for name in inside}:
        return False
    if TRAIN in inside and _test_of(inside) is not None:
        return f"{TRAIN}.txt" in inside or _are_classes(listed(folder / TRAIN))
    if any(_is_image(row) for row in inside.values()):
        return False
    trees = [row for row in inside.values() if row.kind == "folder"]
    return len(trees) > 1 and all(any(_is_image(one) for one in listed(tree.path)) for tree in trees[:2])


def _are_classes(inside: list[Entry]) -> bool:
    folders = {row.name.lower() for row in inside if row.kind == "folder"}
    return bool(folders) and not folders & _CELLS


def find(folder: Path, *, held_out: float | None = None, seed: int = 0) -> Listing:
    """List the images of a set.

    Args:
        folder: of one of the shapes above.
        held_out: share of each class, rounded down, that is the test of one tree; None for no test.
        seed: draws it.
    Raises:
        FoldersError: another shape (what is wanted and what was found is said), fewer than two classes, a class of too
            few images or of the test alone, a list that names what is not there.
        CellpruneError: a folder that may not be listed.
    """
    inside = {row.name: row for row in listed(folder)}
    test_name = _test_of(inside)
    has_train = TRAIN in inside or f"{TRAIN}.txt" in inside
    if has_train and test_name is None:
        raise FoldersError(f"{folder} has {TRAIN}, but none of {', '.join(TESTS)} beside it: {WANTED}")
    if test_name is not None and not has_train and (test_name != "test" or len(inside) == 1):
        raise FoldersError(f"{folder} has {test_name}, but no {TRAIN} beside it: {WANTED}")
    if has_train and test_name is not None:
        train = list(_part(folder, TRAIN, None))
        classes = _ordered({label for _, label in train})
        test = list(_part(folder, test_name, classes))
        _refuse_others(folder, test, test_name, classes)
    else:
        _refuse_no_tree(folder, inside)
        every = list(_tree(folder, ""))
        classes = _ordered({label for _, label in every})
        train, test = _drawn(folder, every, held_out, seed)
    if len(classes) < 2:
        raise FoldersError(f"{folder} holds {many(len(classes), 'class')}, and two are needed at least: {WANTED}")
    numbers = {name: number for number, name in enumerate(classes)}
    images = [*sorted(train), *sorted(test)]
    paths = tuple(path for path, _ in images)
    targets = np.array([numbers[label] for _, label in images], dtype=np.int64)
    return Listing(folder, classes, paths, targets, len(train), content.hashes(folder, images, _stamps(folder, images)))


def _test_of(inside: Iterable[str]) -> str | None:
    names = set(inside)
    return next((name for name in TESTS if name in names or f"{name}.txt" in names), None)


def _part(folder: Path, name: str, classes: tuple[str, ...] | None) -> Iterator[Named]:
    """Give the images of a part; of a list in the words of `classes`, where these are known."""
    if (list_path := folder / f"{name}.txt").is_file():
        yield from _of_list(folder, list_path, (f"{name}/", ""), classes)
    elif (annotations := folder / name / ANNOTATIONS).is_file():
        yield from _of_list(folder, annotations, (f"{name}/images/", f"{name}/"), classes)
    else:
        yield from _tree(folder, name)


def _tree(folder: Path, part: str) -> Iterator[Named]:
    """Give the images in the folders of classes, each class with one image at least."""
    at = folder / part if part else folder
    inside = listed(at)
    classes = [row for row in inside if row.kind == "folder"]
    if not classes:
        n_images = sum(map(_is_image, inside))
        found = many(n_images, "image") if n_images else many(len(inside), "file")
        raise FoldersError(f"{at} holds {found} and no folder of a class: {WANTED}")
    for one in classes:
        images = list(_images(one.path, f"{part}/{one.name}" if part else one.name))
        if not images:
            raise FoldersError(
                f"{one.path} holds no image of a known format ({', '.join(SUFFIXES)}): add the images of this class, "
                "or remove the folder"
            )
        yield from ((path, one.name) for path in images)


def _images(at: Path, prefix: str) -> Iterator[str]:
    for row in listed(at):
        if row.kind == "folder":
            yield from _images(row.path, f"{prefix}/{row.name}")
        elif _is_image(row):
            if row.fault:
                raise FoldersError(f"{row.path} {row.fault}")
            yield f"{prefix}/{row.name}"


def _is_image(row: Entry) -> bool:
    return row.kind != "folder" and row.name.lower().endswith(SUFFIXES)


def _of_list(folder: Path, path: Path, bases: tuple[str, ...], classes: tuple[str, ...] | None) -> Iterator[Named]:
    """Give what the lines of a list say: an image and its class, with a tab or the last space between them."""
    try:
        lines = reading.text_of(path, most=_MOST_LIST_BYTES).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FoldersError(f"{path} cannot be read ({reason(error)}): give a text of images and classes") from error
    base = None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        words = line.strip().split("\t") if "\t" in line else line.rsplit(maxsplit=1)
        if len(words) < 2 or ".." in Path(words[0]).parts or Path(words[0]).is_absolute():
            raise FoldersError(
                f"{path}, line {number}: {quoted(line)} is no image in this folder and its class: write PATH CLASS"
            )
        image, label = words[:2]
        if base is None:  # all lie where the first lies
            base = next((one for one in bases if (folder / one / image).is_file()), bases[0])
        if classes is not None and label not in classes:
            if not label.isdecimal() or int(label) >= len(classes):
                raise FoldersError(unknown("class", label, classes, f"{path}, line {number}"))
            label = classes[int(label)]
        yield f"{base}{image}", label


def _ordered(labels: set[str]) -> tuple[str, ...]:
    """Give the classes by name; the numbers of a list by size."""
    return tuple(sorted(labels, key=int) if all(label.isdecimal() for label in labels) else sorted(labels))


def _refuse_others(folder: Path, test: list[Named], name: str, classes: tuple[str, ...]) -> None:
    for path, label in test:
        if label not in classes:
            raise FoldersError(
                f"{folder / path} is of a class of {name} alone: {unknown(f'class in {TRAIN}', label, classes)}"
            )


def _refuse_no_tree(folder: Path, inside: dict[str, Entry]) -> None:
    loose = [row.name for row in inside.values() if _is_image(row)]
    if loose and any(row.kind == "folder" for row in inside.values()):
        raise FoldersError(
            f"{folder} holds {many(len(loose), 'image')} in no folder of a class, such as {loose[0]}: {WANTED}"
        )


def _drawn(folder: Path, every: list[Named], held_out: float | None, seed: int) -> tuple[list[Named], list[Named]]:
    """Hold a share of each class out as the test, drawn by the images' paths."""
    if held_out is None:
        return every, []
    of_class: dict[str, list[str]] = {}
    for path in shuffled((path for path, _ in every), "split", "test", seed, key=str):
        of_class.setdefault(path.split("/", 1)[0], []).append(path)
    test: set[str] = set()
    for label, paths in sorted(of_class.items()):
        n_test = int(held_out * len(paths) + 1e-9)
        if not n_test:
            raise FoldersError(
                f"{folder / label} has {many(len(paths), 'image')}, of which data.holdout={held_out:g} leaves none to "
                "test: add images, give a larger share, or remove the folder"
            )
        test.update(paths[:n_test])
    return [row for row in every if row[0] not in test], [row for row in every if row[0] in test]


def _stamps(folder: Path, images: Iterable[Named]) -> list[Stamp]:
    stamps = []
    for path, _ in images:
        try:
            stamps.append(stamp_of((folder / path).stat()))
        except OSError as error:
            if (known := entry(folder / path)) is not None:
                raise FoldersError(f"{known.path} {known.fault}") from error
            raise FoldersError(f"{folder / path} is listed, but is not there: bring it back") from error
    return stamps
