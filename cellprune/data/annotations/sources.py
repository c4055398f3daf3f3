"""Which images of a folder have annotations, and in which format: told by names, and checked when they are read.

    a.tif   a_seg.npy                       Cellpose
    a.tif   a.zip, a_rois.zip, RoiSet_a.zip ImageJ
    a.tif   a.geojson                       QuPath
    images of any names, and one .json      COCO
    a/images/a.png  a/masks/*.png           one mask a cell, as in the Data Science Bowl 2018
    images/a.png    masks/a/*.png           one mask a cell

Images may stand in a folder of their own, such as images/, and annotations in another: both beside each other. Where
several images have the name, see `belonging`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cellprune.data.annotations import cellpose, coco, geojson, rois, single_masks
from cellprune.data.annotations.belonging import Images
from cellprune.data.annotations.canvas import AnnotationError, Drawn
from cellprune.files.listing import Entry, listed
from cellprune.images import naming
from cellprune.images.naming import IMAGES, LABELS
from cellprune.wording import printable

_ROISET = re.compile(r"roi_?set[_\- .]+|[_\- .]+roi(?:s|_?set)\Z", re.IGNORECASE)
_BY_SUFFIX = ((cellpose.SUFFIX, cellpose.read), (rois.SUFFIX, rois.read), (geojson.SUFFIX, geojson.read))
KNOWN = "NAME_seg.npy (Cellpose), NAME.zip (ImageJ ROIs), NAME.geojson, a COCO .json, or a folder of masks per image"


@dataclass(frozen=True)
class Source:
    """An annotated image.

    Attributes:
        image: its file.
        truth: of its annotations, for messages.
        read: gives the cells, of (height, width) of the image.
    """

    image: Path
    truth: Path
    read: Callable[[tuple[int, int]], Drawn]


@dataclass(frozen=True)
class Sources:
    """What a folder holds.

    Attributes:
        without: images that have no annotations.
    """

    annotated: tuple[Source, ...]
    without: tuple[Path, ...]


def sources(folder: Path) -> Sources:
    """Look into a folder; nothing is opened but a COCO file.

    Raises:
        AnnotationError: no annotations that are known, some without an image, or an image with several.
        CellpruneError: a folder that may not be listed.
    """
    inside = [*listed(folder), *_within(listed(folder))]
    # ID/images/ID.png
    deeper = _within(e for e in inside if e.folder != folder and naming.of_role(e.name, IMAGES))
    files = (e.path for e in (*inside, *deeper) if e.kind == "file" and naming.is_image(e.name))
    images = Images(folder, tuple(files))
    found = [*_of_single_masks(folder), *_of_names(inside, images), *_of_coco(inside, images)]
    if not found:
        raise AnnotationError(f"{printable(str(folder))} holds no annotations that are known: {KNOWN}")
    taken: dict[Path, Source] = {}
    for one in found:
        if (other := taken.setdefault(one.image, one)) is not one:
            raise AnnotationError(f"{one.image} has two annotations, {other.truth} and {one.truth.name}: keep one")
    return Sources(tuple(taken.values()), tuple(path for path in images.shown if path not in taken))


def _within(entries: Iterable[Entry]) -> list[Entry]:
    return [inner for one in entries if one.kind == "folder" for inner in listed(one.path)]


def _of_names(inside: Sequence[Entry], images: Images) -> Iterator[Source]:
    """Give the images beside which, or in a folder beside, a file of their name holds the annotations."""
    for entry in inside:
        for suffix, read in _BY_SUFFIX:
            if entry.kind != "file" or not entry.name.lower().endswith(suffix):
                continue
            stem = naming.stem_of(entry.name[: -len(suffix)] + ".tif")
            image = images.of(entry.path, stem) or images.of(entry.path, _ROISET.sub("", stem))
            if image is None:
                raise AnnotationError(f"{entry.path} belongs to no image: name it like one, such as NAME{suffix}")
            yield Source(image, entry.path, partial(read, entry.path))


def _of_coco(inside: Sequence[Entry], images: Images) -> Iterator[Source]:
    for entry in inside:
        if entry.kind != "file" or not entry.name.lower().endswith(coco.SUFFIX):
            continue
        if (said := coco.opened(entry.path)) is None:
            continue
        names: dict[Path, str] = {}
        for name in said.cells:
            if (image := images.named(entry.path, name)) is None:
                raise AnnotationError(f"{entry.path} names an image {printable(name)!r}, which is not there: add it")
            if (other := names.setdefault(image, name)) != name:
                raise AnnotationError(
                    f"{entry.path} names {printable(other)!r} and {printable(name)!r}, but of the two only {image} is "
                    "there: add the other"
                )
            yield Source(image, entry.path, partial(said.read, name))


def _of_single_masks(folder: Path) -> Iterator[Source]:
    """Give the images that have a folder of masks."""
    for place in [folder, *(entry.path for entry in listed(folder) if entry.kind == "folder")]:
        folders = [entry for entry in listed(place) if entry.kind == "folder"]
        images = [e.path for one in folders if naming.of_role(one.name, IMAGES) for e in _images(one.path)]
        for truth in (one for one in folders if naming.of_role(one.name, LABELS)):
            masks = _images(truth.path)
            if len(images) == 1 and len(masks) > (place == folder):
                yield _masked(images[0], truth.path, masks)
            for image in images:
                own = truth.path / naming.stem_of(image.name)
                if own.is_dir() and (inside := _images(own)):
                    yield _masked(image, own, inside)


def _masked(image: Path, truth: Path, masks: Sequence[Entry]) -> Source:
    return Source(image, truth, partial(single_masks.read, [entry.path for entry in masks]))


def _images(folder: Path) -> list[Entry]:
    return [entry for entry in listed(folder) if entry.kind == "file" and naming.is_image(entry.name)]
