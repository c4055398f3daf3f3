"""Images and label images that a user's own code gives, as a folder of plain files: whatever follows reads these.

The folder lies in the data root and is named after its content, so that it is written once.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from cellprune.config import own
from cellprune.data.own import called, failing
from cellprune.errors import CellpruneError, WorkError
from cellprune.images.naming import IMAGES, LABELS
from cellprune.runs import scratch
from cellprune.runs.names import file_safe
from cellprune.runs.placing import appearing
from cellprune.wording import quoted, reason

FOLDER = "own"  # in the data root
_GREY = ("uint8", "uint16", "float32")
_TRIPLE = "(name, image, labels)"


@dataclass(frozen=True)
class _Item:
    """One image, checked.

    Attributes:
        image: (H, W) or (H, W, C), uint8, uint16 or float32.
        labels: (H, W) uint16 or uint32; None where nobody outlined the cells.
    """

    name: str
    image: NDArray[np.generic]
    labels: NDArray[np.unsignedinteger] | None


def folder_of(name: str, source_sha256: str | None, root: Path) -> Path:
    """Give the folder of the images that FILE.py:NAME gives, written where it is not there yet.

    Args:
        name: of a function without arguments that gives triples (name, image, labels); an image is an array (H, W) or
            (H, W, C) of uint8, uint16 or floats, labels are whole numbers (H, W), or None where there is no truth.
        source_sha256: what the file's content must be; None for any.
        root: the data root.
    Raises:
        CellpruneError: no such code, or what it gives are no such triples; names the first that is not.
        WorkError: the code fails, or the folder cannot be written.
    """
    given = called(name, source_sha256)
    whose = f"data set {own.short(name)!r}"
    if not isinstance(given, Iterable) or isinstance(given, str | Mapping):
        raise CellpruneError(f"{whose} gives {type(given).__name__}: let it give triples {_TRIPLE}, one for each image")
    try:
        return _written(_items(name, whose, given), root / FOLDER, file_safe(own.short(name)), whose)
    except OSError as error:
        raise WorkError(
            f"{root / FOLDER} cannot be written to ({reason(error)}): free space, or name another place with "
            "--data-root"
        ) from error


def _written(items: Iterable[_Item], parent: Path, begins: str, whose: str) -> Path:
    """Write the images beside, and name the folder after what they are.

    Raises:
        CellpruneError: none of them has labels.
        OSError: it cannot be written.
    """
    digest, n_labelled = hashlib.sha256(), 0
    parent.mkdir(parents=True, exist_ok=True)
    with scratch.made(parent, begins) as beside:
        for item in items:
            n_labelled += item.labels is not None
            digest.update(_write(beside, item))
        if not n_labelled:
            raise CellpruneError(f"{whose} gives no image with labels: give some to learn from")
        folder = parent / f"{begins}-{digest.hexdigest()[:16]}"
        if not folder.is_dir():
            with appearing(folder) as made:
                for part in (IMAGES[0], LABELS[0]):
                    (beside / part).rename(made / part)
    return folder


def _items(name: str, whose: str, given: Iterable[object]) -> Iterator[_Item]:
    taken: set[str] = set()
    with failing(name):
        for at, item in enumerate(given):
            checked = _checked(item, f"{whose}, item {at}")
            if checked.name.casefold() in taken:
                raise CellpruneError(f"{whose}, item {at}: {quoted(checked.name)} is named twice: name each image once")
            taken.add(checked.name.casefold())
            yield checked


def _checked(item: object, where: str) -> _Item:
    """Check one triple.

    Raises:
        CellpruneError: it is none; says what it is, and what to give.
    """
    if not isinstance(item, tuple | list) or len(item) != 3:
        what = f"{len(item)} values" if isinstance(item, tuple | list) else type(item).__name__
        raise CellpruneError(f"{where} is {what}: give {_TRIPLE}")
    name, image, labels = item
    if not isinstance(name, str) or file_safe(name) != name:
        raise CellpruneError(f"{where} has the name {quoted(name)}: give letters, digits, _, . and - alone, at most 40")
    where = f"{where} ({name})"
    pixels = np.asarray(image)
    if pixels.dtype == np.float64:
        pixels = pixels.astype(np.float32)
    if pixels.dtype.name not in _GREY or pixels.ndim not in (2, 3) or not pixels.size:
        raise CellpruneError(
            f"{where} has an image of {pixels.dtype} {pixels.shape}: give (H, W) or (H, W, C) of uint8, uint16 or "
            "floats"
        )
    if pixels.dtype == np.float32 and not np.isfinite(pixels).all():
        raise CellpruneError(f"{where} has NaN or infinity in its image: give finite grey levels")
    return _Item(name, pixels, None if labels is None else _labels(np.asarray(labels), pixels.shape[:2], where))


def _labels(labels: NDArray[np.generic], size: tuple[int, ...], where: str) -> NDArray[np.unsignedinteger]:
    if labels.dtype.kind not in "bui" or labels.shape != size:
        raise CellpruneError(
            f"{where} has labels of {labels.dtype} {labels.shape}: give whole numbers of the image's {size}, 0 is "
            "background, or None where there is no truth"
        )
    numbers = labels.astype(np.int64)
    lowest, highest = numbers.min(initial=0), numbers.max(initial=0)
    if lowest < 0 or highest >= 2**32:
        raise CellpruneError(
            f"{where} has the label {lowest if lowest < 0 else highest}: give 0 for background, and for cells numbers "
            f"from 1 to {2**32 - 1:,}"
        )
    return numbers.astype(np.uint16 if highest < 2**16 else np.uint32)


def _write(folder: Path, item: _Item) -> bytes:
    """Write an image and its labels, and give a hash of what they say."""
    digest = hashlib.sha256(item.name.encode())
    for part, pixels in ((IMAGES[0], item.image), (LABELS[0], item.labels)):
        (folder / part).mkdir(exist_ok=True)
        if pixels is not None:
            digest.update(
                f"{part} {pixels.dtype.name} {pixels.shape}".encode() + np.ascontiguousarray(pixels).tobytes()
            )
            has_colours = pixels.ndim == 3 and pixels.shape[2] == 3
            tifffile.imwrite(
                folder / part / f"{item.name}.tif", pixels, compression="zlib", metadata=None,
                photometric="rgb" if has_colours else "minisblack", planarconfig="contig" if pixels.ndim == 3 else None,
            )  # fmt: skip
    return digest.digest()
