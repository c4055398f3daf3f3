"""A plain folder of images and label images, paired by name in the ways that people save them.

    NAME/images/a.tif   NAME/labels/a.tif     or masks/, gt/ and so on; the label image may have an affix as below
    NAME/a.tif          NAME/a_masks.tif      all in one folder; here the label image must have an affix
    NAME/ignore/a.tif                         optional: pixels of value 255 are unknown

TIFF or PNG, in any mixture. An image without labels is left aside; labels without an image are an error. Which names
are understood stands in `images.naming`, what is said of other layouts in `data.cells.layouts`.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from cellprune.data.cells import layouts
from cellprune.data.cells.frames import Frame
from cellprune.data.cells.layouts import LayoutError
from cellprune.errors import CellpruneError
from cellprune.files.listing import Entry, listed
from cellprune.images import naming
from cellprune.images.aside import first, left_aside, some
from cellprune.images.naming import IGNORE, IMAGES, LABELS
from cellprune.images.read import Header

_COMPARED = 200  # images at most whose names are compared with a lone label's


@dataclass(frozen=True)
class Pairing:
    """What was found in a folder, and how it was understood.

    Attributes:
        how: in words, "images/NAME with labels/NAME_masks".
        frames: every image, in the order of the names; an image without labels has no gold truth.
        faults: a sentence for each file that stands in the way: labels and ignore images without an image, links to
            nothing, pipes.
        left_aside: sentences on what looks like an image and has no part in this.
        unlabelled: ids of the images that have no labels, not even some that cannot be opened.
    """

    how: str
    frames: tuple[Frame, ...]
    faults: tuple[str, ...]
    left_aside: tuple[str, ...]
    unlabelled: tuple[str, ...]


@dataclass(frozen=True)
class _Files:
    """The TIFF and PNG files of a folder by the stem that pairs them; those that cannot be opened, with the reason."""

    place: Path
    usable: Mapping[str, Path]
    broken: Mapping[str, str]

    def without(self, stems: Collection[str]) -> "_Files":
        return _Files(
            self.place,
            {stem: path for stem, path in self.usable.items() if stem not in stems},
            {stem: fault for stem, fault in self.broken.items() if stem not in stems},
        )

    def only(self, stems: Collection[str]) -> "_Files":
        return self.without((self.usable.keys() | self.broken.keys()) - set(stems))


def pair(folder: Path, name: str) -> Pairing:
    """Find the images in a folder and the labels that belong to them.

    Args:
        folder: of the layouts above; its `images/` or `labels/` stands for the folder that both are in.
        name: the data set's name, for messages and records.
    Raises:
        LayoutError: no images, images but no labels at all, several folders of images or of labels, two images or two
            labels that are the same by name.
        CellpruneError: a folder that may not be listed.
    """
    folder = _whole(folder)
    images_at, labels_at = (_one(folder, names) for names in (IMAGES, LABELS))
    if images_at is None and labels_at is not None:
        raise layouts.without_folder_of_images(folder, labels_at)
    if images_at is None or labels_at is None:
        return _in_one_place(images_at or folder, folder, name)
    images, labels = _files(images_at), _files(labels_at)
    owners = {stem: stem if stem in images.usable else naming.stripped(stem) for stem in labels.usable}

    def in_words(ways: Iterable[str]) -> str:
        return f"{images_at.name}/NAME with {' and '.join(f'{labels_at.name}/{way}' for way in ways)}"

    return _paired(in_words, images, labels, owners, folder, name)


def label_images(folder: Path) -> dict[str, Path]:
    """Find label images without their images, by the stem that pairs them: "a" for a.tif, a_masks.png, mask_a.tif.

    Args:
        folder: holds them, or has a folder of labels as above. Images that lie beside their labels are left out.
    Raises:
        LayoutError: none there, two of the same name, or one that cannot be opened.
        CellpruneError: a folder that may not be listed.
    """
    place = _one(folder, LABELS) or folder
    files = _files(place)
    if files.broken:
        raise LayoutError(first(list(files.broken.values())))
    stems = files.usable.keys()
    of_labels = {stem: path for stem, path in files.usable.items() if naming.is_label(stem, stems)}
    by_stem: dict[str, Path] = {}
    for stem, path in (of_labels or files.usable).items():
        if (owner := naming.stripped(stem)) in by_stem:
            raise LayoutError(f"{path} and {by_stem[owner].name} are both labels of {owner!r}: remove one of them")
        by_stem[owner] = path
    if not by_stem:
        raise LayoutError(f"{place} holds no label images: name a folder of TIFF or PNG files")
    return by_stem


def passed_over(folder: Path) -> str:
    """Say which files of a folder count as images, because label images lie beside them; empty where none does."""
    files = _files(_one(folder, LABELS) or folder).usable
    labels = [path.name for stem, path in files.items() if naming.is_label(stem, files.keys())]
    images = [path.name for path in files.values() if path.name not in labels]
    if not labels or not images:
        return ""
    count = "counts as an image" if len(images) == 1 else f"and {len(images) - 1} more count as images"
    return f" ({images[0]} {count} there, because {labels[0]} is a label image by its name)"


def too_small(image: Path, size: tuple[int, int]) -> str:
    """Say that an image is too small to be learned from; empty where it is not."""
    if min(size) > 1:
        return ""
    return f"{image} is {size[0]} x {size[1]} px, and a network takes 2 px at least on each side: leave it out"


def ignore_images(folder: Path) -> Mapping[str, Path]:
    """Give the images that say where truth is unknown, by stem; of the folder above where only labels were named."""
    return _files(_whole(folder) / IGNORE).usable


def pixel_size_um(headers: Iterable[Header]) -> tuple[float, float] | None:
    """Give the pixel size (y, x) that all files agree on, None where they do not or one says none."""
    sizes_um = {header.pixel_size_um and tuple(round(um, 4) for um in header.pixel_size_um) for header in headers}
    (size, *others) = sizes_um
    return None if others else size  # type: ignore[return-value]


def unlabelled(pairing: Pairing) -> list[str]:
    """Say which images are left aside as they have no labels; at most one sentence."""
    lone, n_all = pairing.unlabelled, len(pairing.frames)
    return (
        [f"{len(lone)} of {n_all} images have no labels and are not used (but with --teacher): {some(lone)}"]
        if lone
        else []
    )


def _whole(folder: Path) -> Path:
    """Give the folder above, where only its folder of images or of labels was named."""
    if naming.of_role(folder.resolve().name, (*IMAGES, *LABELS)):
        above = folder.resolve().parent
        with suppress(CellpruneError):  # what may not be listed is not meant
            if _among(above, IMAGES) and _among(above, LABELS) and not _among(folder, (*IMAGES, *LABELS)):
                return above
    return folder


def _in_one_place(place: Path, folder: Path, name: str) -> Pairing:
    files = _files(place)
    stems = files.usable.keys() | files.broken.keys()
    of_labels = {stem for stem in stems if naming.is_label(stem, stems)}
    owners = {stem: naming.stripped(stem) for stem in files.usable if stem in of_labels}

    def in_words(ways: Iterable[str]) -> str:
        return f"NAME with {' and '.join(ways)}, in one folder"

    return _paired(in_words, files.without(of_labels), files.only(of_labels), owners, folder, name)


def _paired(
    in_words: Callable[[Iterable[str]], str],
    images: _Files,
    labels: _Files,
    owners: Mapping[str, str],
    folder: Path,
    name: str,
) -> Pairing:
    """Give every image the labels whose owner it is, and its ignore image."""
    gold: dict[str, Path] = {}
    for stem, path in labels.usable.items():
        if (owner := owners[stem]) in gold:
            raise LayoutError(f"{path} and {gold[owner].name} are both labels of {owner!r}: remove one of them")
        gold[owner] = path
    unknown = _files(folder / IGNORE)
    lone = [
        (owner, path)
        for truth in (gold, unknown.usable)
        for owner, path in truth.items()
        if owner not in images.usable and owner not in images.broken
    ]
    sequence = naming.of_text(folder.resolve().name)
    frames = tuple(
        Frame(
            name, sequence, at, path, gold=gold.get(stem), silver=None, markers=None, ignore=unknown.usable.get(stem),
            name=naming.of_text(path.name),
        )
        for at, (stem, path) in enumerate(images.usable.items())
    )  # fmt: skip
    broken = [fault for files in (images, labels, unknown) for fault in files.broken.values()]
    if not frames:
        raise layouts.without_images(folder, images.place, [path for _, path in lone], broken)
    if not any(frame.gold for frame in frames):
        raise layouts.without_labels(
            folder, images.place, labels.place, list(images.usable), [path for _, path in lone], broken
        )
    in_doubt = {stem if stem in images.usable else naming.stripped(stem) for stem in labels.broken}
    ways = {_way(stem, owner) for stem, owner in owners.items() if owner in images.usable}
    free = {stem.casefold(): path.name for stem, path in images.usable.items() if stem not in gold}
    return Pairing(
        in_words(sorted(ways)),
        frames,
        (*broken, *(_alone(path, owner, free) for owner, path in lone)),
        tuple(_aside(folder, images.place, labels.place)),
        tuple(f.id for f, stem in zip(frames, images.usable, strict=True) if not f.gold and stem not in in_doubt),
    )


def _way(stem: str, owner: str) -> str:
    return "NAME" if stem == owner else "NAME".join(naming.affix(stem))


def _alone(path: Path, owner: str, free: Mapping[str, str]) -> str:
    """Say that truth has no image, and which of the images that have no truth is the nearest by its name."""
    near = get_close_matches(owner.casefold(), free, n=1, cutoff=0.8) if len(free) <= _COMPARED else []
    guess = f" (is it {free[near[0]]}?)" if near else ""
    return f"{path} is truth without an image{guess}: bring the image back or remove the truth"


def _aside(folder: Path, images_at: Path, labels_at: Path) -> list[str]:
    """Name what has no part in the layout, in the folder itself and in its folders of images and labels."""
    parts = {images_at, labels_at, folder / IGNORE}
    said = (
        left_aside(folder, lambda entry: entry.kind == "folder" and entry.path in parts) if folder not in parts else []
    )
    for place in sorted(parts):
        said += left_aside(place, lambda entry: _is_file(entry) or entry.path in parts)
    return said


def _one(folder: Path, names: tuple[str, ...]) -> Path | None:
    """Give the one subfolder that bears one of the names; of several the one with images in it."""
    candidates = _among(folder, names)
    if len(candidates) > 1:
        candidates = [place for place in candidates if any(map(_is_file, listed(place)))] or candidates[:1]
    if len(candidates) > 1:
        raise LayoutError(
            f"{folder} holds both {candidates[0].name} and {candidates[1].name}: keep the one that is meant"
        )
    return candidates[0] if candidates else None


def _among(folder: Path, names: tuple[str, ...]) -> list[Path]:
    return [e.path for e in listed(folder) if e.kind == "folder" and naming.of_role(e.name, names)]


def _is_file(entry: Entry) -> bool:
    return naming.is_image(entry.name) and entry.kind != "folder"


def _files(place: Path) -> _Files:
    """Find the images in a folder, in the order people count: a2 before a10."""
    inside = sorted(filter(_is_file, listed(place)), key=_counted) if place.is_dir() else []
    usable: dict[str, Path] = {}
    broken: dict[str, str] = {}
    for entry in inside:
        stem = naming.stem_of(entry.name)
        if entry.kind == "neither":
            broken[stem] = f"{entry.path} {entry.fault}"
        elif stem in usable:
            raise LayoutError(f"{entry.path} and {usable[stem].name} are images of the same name: remove one of them")
        else:
            usable[stem] = entry.path
    return _Files(place, usable, broken)


def _counted(entry: Entry) -> tuple[list[tuple[int, str]], str]:
    words = re.split(r"(\d+)", naming.of_text(entry.name))
    return [(int(word), "") if word.isdecimal() else (-1, word) for word in words], entry.name
