"""A plain folder of images and label images, paired by name in the ways that people save them.

    NAME/images/a.tif   NAME/labels/a.tif     or masks/; the label image may have one of the affixes below
    NAME/a.tif          NAME/a_masks.tif      all in one folder; here the label image must have an affix
    NAME/ignore/a.tif                         optional: pixels of value 255 are unknown

TIFF or PNG, in any mixture. An image without labels is left aside; labels without an image are an error.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cellprune.data.ctc import LayoutError
from cellprune.data.frames import Frame
from cellprune.data.images import SUFFIXES, Header
from cellprune.data.naming import IGNORE, IMAGES, LABELS, affix, stripped

_WAYS = "put images into images/ and labels of the same names into labels/, or NAME_masks.tif beside each NAME.tif"


@dataclass(frozen=True)
class Pairing:
    """What was found in a folder, and how it was understood.

    Attributes:
        how: in words, "images/NAME with labels/NAME_masks".
        frames: every image, in the order of the names; an image without labels has no gold truth.
        lone_labels: label images, and ignore images, without an image.
    """

    how: str
    frames: tuple[Frame, ...]
    lone_labels: tuple[Path, ...]


def pair(folder: Path, name: str) -> Pairing:
    """Find the images in a folder and the labels that belong to them.

    Args:
        folder: of the layouts above; `images/` itself stands for the folder it is in.
        name: the data set's name, for messages and records.
    Raises:
        LayoutError: no images, images but no labels at all, several folders of images or of labels, two images or two
            labels that are the same by name.
    """
    if folder.resolve().name in IMAGES and _among(folder.resolve().parent, LABELS) and not _among(folder, LABELS):
        folder = folder.resolve().parent
    images_at, labels_at = (_one(folder, names) for names in (IMAGES, LABELS))
    if images_at is None and labels_at is not None:
        raise LayoutError(f"{labels_at} holds labels, but {folder} no images: put them into {folder / IMAGES[0]}")
    if images_at is None or labels_at is None:
        return _checked(_in_one_place(images_at or folder, name), images_at or folder)
    images, labels = (_by_stem(_files(place)) for place in (images_at, labels_at))
    owners = {stem: stem if stem in images else stripped(stem) for stem in labels}
    ways = {"NAME".join(affix(stem)) if owner != stem else "NAME" for stem, owner in owners.items() if owner in images}
    how = f"{images_at.name}/NAME with {' and '.join(f'{labels_at.name}/{way}' for way in sorted(ways))}"
    return _checked(_paired(how, images, labels, owners, folder, name), folder)


def pixel_size_um(headers: Iterable[Header]) -> tuple[float, float] | None:
    """Give the pixel size (y, x) that all files agree on, None where they do not or one says none."""
    told = {header.pixel_size_um and tuple(round(um, 4) for um in header.pixel_size_um) for header in headers}
    (size, *others) = told
    return None if others else size  # type: ignore[return-value]


def _in_one_place(folder: Path, name: str) -> Pairing:
    files = _by_stem(_files(folder))
    labels = {stem: path for stem, path in files.items() if any(affix(stem))}
    images = {stem: path for stem, path in files.items() if stem not in labels}
    owners = {stem: stripped(stem) for stem in labels}
    ways = {"NAME".join(affix(stem)) for stem, owner in owners.items() if owner in images}
    how = f"NAME with {' and '.join(sorted(ways))}, in one folder"
    return _paired(how, images, labels, owners, folder, name)


def _paired(
    how: str, images: dict[str, Path], labels: dict[str, Path], owners: dict[str, str], folder: Path, name: str
) -> Pairing:
    """Give every image the labels whose owner it is, and its ignore image."""
    gold: dict[str, Path] = {}
    for stem, path in labels.items():
        if (owner := owners[stem]) in gold:
            raise LayoutError(f"{path} and {gold[owner].name} are both labels of {owner!r}: remove one of them")
        gold[owner] = path
    unknown = _by_stem(_files(folder / IGNORE))
    lone = [path for found in (gold, unknown) for owner, path in found.items() if owner not in images]
    sequence = folder.resolve().name
    frames = tuple(
        Frame(
            name, sequence, at, path, gold=gold.get(stem), silver=None, markers=None, ignore=unknown.get(stem),
            name=path.name,
        )
        for at, (stem, path) in enumerate(images.items())
    )  # fmt: skip
    return Pairing(how, frames, tuple(lone))


def _checked(found: Pairing, folder: Path) -> Pairing:
    if not found.frames:
        others = sorted({path.suffix.lower() for path in folder.iterdir() if path.is_file()} - {"", *SUFFIXES})
        seen = f" (but files of {', '.join(others)})" if others else ""
        if found.lone_labels:
            raise LayoutError(f"{found.lone_labels[0]} holds labels, but {folder} has no images: put them beside")
        inner = next((child for child in sorted(folder.glob("*/")) if _among(child, IMAGES)), None)
        advice = f"did you mean {inner}?" if inner else _WAYS
        raise LayoutError(f"{folder} holds no sequences (01, 01_GT) and no TIFF or PNG images{seen}: {advice}")
    if not any(frame.gold for frame in found.frames):
        lone = f"; {found.lone_labels[0].name} fits none by its name" if found.lone_labels else ""
        raise LayoutError(f"{folder} holds {len(found.frames)} image(s) but no labels for any{lone}: {_WAYS}")
    return found


def _one(folder: Path, names: Iterable[str]) -> Path | None:
    """Give the one subfolder that bears one of the names, None where there is none."""
    found = _among(folder, names)
    if len(found) > 1:
        raise LayoutError(f"{folder} holds both {found[0].name} and {found[1].name}: keep the one that is meant")
    return found[0] if found else None


def _among(folder: Path, names: Iterable[str]) -> list[Path]:
    return [folder / name for name in names if (folder / name).is_dir()]


def _files(folder: Path) -> list[Path]:
    """List the images in a folder as people count: a2 before a10."""
    files = folder.iterdir() if folder.is_dir() else ()
    return sorted((p for p in files if p.suffix.lower() in SUFFIXES and p.name[0] != "."), key=_counted)


def _counted(path: Path) -> tuple[list[tuple[int, str]], str]:
    words = re.split(r"(\d+)", path.name)
    return [(int(word), "") if word.isdecimal() else (-1, word) for word in words], path.name


def _by_stem(files: Iterable[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in files:
        if path.stem in found:
            raise LayoutError(f"{path} and {found[path.stem].name} are the same by name: remove one of them")
        found[path.stem] = path
    return found
