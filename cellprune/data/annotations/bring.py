"""From annotated images to a data set of images/ and labels/: whole, or not at all."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from cellprune.data.annotations.canvas import AnnotationError, Drawn
from cellprune.data.annotations.sources import Source, sources
from cellprune.errors import CellpruneError
from cellprune.images import naming
from cellprune.images.naming import IGNORE, IMAGES, LABELS
from cellprune.images.read import read_header
from cellprune.runs.placing import appearing
from cellprune.wording import many, printable

_UNKNOWN = 255  # in ignore/
_FAULTS_SHOWN = 3


@dataclass(frozen=True)
class Brought:
    """What was made.

    Attributes:
        notes: sentences on what a label image cannot hold, and on images without annotations.
    """

    images: int
    cells: int
    notes: tuple[str, ...]


def bring(source: Path, output: Path, *, step: Callable[[int, int], None] = lambda done, of: None) -> Brought:
    """Make a data set of a folder of annotated images; the images are copied as they are.

    Args:
        source: see `sources`.
        output: absent or empty.
        step: told how many images are done, and of how many.
    Raises:
        AnnotationError: annotations that cannot be used, all faults in one line; nothing is written.
        CellpruneError: no such folder, or an output that holds something.
        WorkError: the disk is full or the folder cannot be written; nothing is left.
    """
    if not source.is_dir():
        raise CellpruneError(f"there is no folder {printable(str(source))!r}: give one with images and annotations")
    found = sources(source)
    with appearing(output) as beside:
        brought = _written(found.annotated, beside, step)
    if not found.without:
        return brought
    first = found.without[0].relative_to(source).as_posix()
    left = f"{many(len(found.without), 'image')} without annotations left out, first {first}"
    return replace(brought, notes=(*brought.notes, printable(left)))


def _written(annotated: tuple[Source, ...], folder: Path, step: Callable[[int, int], None]) -> Brought:
    faults: list[str] = []
    notes: list[str] = []
    n_cells = 0
    _require_names_of_their_own(annotated)
    for name in (IMAGES[0], LABELS[0]):
        (folder / name).mkdir()
    for at, one in enumerate(annotated, start=1):
        try:
            header = read_header(one.image)
            if header.planes > 1:
                raise AnnotationError(
                    f"{one.image} is a stack of {header.planes} images: save each as a file of its own"
                )
            drawn = one.read(header.size)
        except CellpruneError as error:
            faults.append(str(error))
            continue
        n_cells += int(np.count_nonzero(np.unique(drawn.labels)))  # Cellpose's numbers may have gaps
        notes += _notes(one, drawn)
        if not faults:
            _write(one.image, drawn, folder)
        step(at, len(annotated))
    if faults:
        more = f" (and {len(faults) - _FAULTS_SHOWN} more)" if len(faults) > _FAULTS_SHOWN else ""
        raise AnnotationError("; ".join(faults[:_FAULTS_SHOWN]) + more)
    return Brought(len(annotated), n_cells, tuple(notes))


def _notes(one: Source, drawn: Drawn) -> list[str]:
    """Say what a label image cannot hold of these annotations."""
    said = []
    if drawn.n_shared_px:
        said.append(f"{many(drawn.n_shared_px, 'pixel')} of several cells: the last of them has each")
    if drawn.n_lost:
        said.append(f"{many(drawn.n_lost, 'cell')} without a pixel of its own: left out")
    if drawn.n_areas:
        said.append(f"{many(drawn.n_areas, 'area')} around cells, or of a class such as Region*: left out as no cell")
    if drawn.n_beside:
        said.append(
            f"{many(drawn.n_beside, 'annotation')} beside detections: taken for {many(drawn.n_beside, 'cell')}; give "
            "what is none the class Region* in QuPath"
        )
    if drawn.n_cut:
        said.append(f"{many(drawn.n_cut, 'cell')} with a part outside the image: cut at its border")
    if not drawn.labels.any():
        said.append("no cells")
    return [f"{printable(one.truth.name)}, {printable(one.image.name)}: {line}" for line in said]


def _require_names_of_their_own(annotated: tuple[Source, ...]) -> None:
    """Refuse two images of one name, in the eyes of any file system."""
    taken: dict[str, Path] = {}
    for one in annotated:
        other = taken.setdefault(naming.stem_of(one.image.name).casefold(), one.image)
        if other != one.image:
            raise AnnotationError(f"{other} and {one.image} would both be written under one name: rename one")


def _write(image: Path, drawn: Drawn, folder: Path) -> None:
    shutil.copyfile(image, folder / IMAGES[0] / image.name)
    stem = naming.stem_of(image.name)
    dtype: type[np.unsignedinteger] = np.uint16 if drawn.labels.max(initial=0) < 2**16 else np.uint32
    _save(folder / LABELS[0] / f"{stem}.tif", drawn.labels.astype(dtype))
    if drawn.ignored is not None:
        (folder / IGNORE).mkdir(exist_ok=True)
        _save(folder / IGNORE / f"{stem}.tif", np.where(drawn.ignored, _UNKNOWN, 0).astype(np.uint8))


def _save(path: Path, pixels: NDArray[np.unsignedinteger]) -> None:
    tifffile.imwrite(path, pixels, compression="zlib", metadata=None)
