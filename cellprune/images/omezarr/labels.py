"""Labels beside the image that they are of, inside its OME-Zarr: `labels/NAME`, in the image's own version.

They have the axes of the image but for channels, and but for slices where they are of all slices together, and each
level of its pyramid. A chunk is a part of one plane, so that no two writers ever share one.

Source: the OME-NGFF specifications 0.4 and 0.5, "labels" and "image-label".
"""

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cellprune.errors import CellpruneError, WorkError
from cellprune.images.boxes import BAND_PX
from cellprune.images.header import ImageError
from cellprune.images.omezarr import metadata
from cellprune.images.omezarr.image import image_words
from cellprune.images.omezarr.storage import array
from cellprune.targets.kinds import Box, Extent
from cellprune.wording import quoted, reason

if TYPE_CHECKING:
    import zarr

_DTYPE = np.dtype("<u4")
_CHUNK = 1024  # pixels along rows and along columns
Labels = Callable[[Box], NDArray[np.unsignedinteger]]  # a box of an image -> its labels, (h, w)
Level = dict[str, int]  # the size along each axis, by its letter and in their order
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,99}", re.ASCII)


@dataclass(frozen=True)
class ImageLabels:
    """Labels of one image.

    Attributes:
        image: the folder of the image in its OME-Zarr.
        name: of the labels.
        made_by: what tells them from labels that something else made, which are never touched.
        by_slice: whether each slice has labels of its own.
    """

    image: Path
    name: str
    made_by: str
    by_slice: bool

    @property
    def path(self) -> Path:
        """The folder of these labels."""
        return self.image / "labels" / self.name

    def require_own(self) -> None:
        """Refuse labels of this name that something else made, and a damaged list of the image's labels.

        Raises:
            CellpruneError: says what to do.
        """
        if not _NAME.fullmatch(self.name):
            raise CellpruneError(
                f"--zarr-labels {quoted(self.name)}: give a name of letters, digits, '_', '-' and '.', such as cells"
            )
        if self.path.exists() and metadata.own_words(self.path) != self._own_words():
            raise CellpruneError(
                f"{self.path} is there, made by another model, with other options or by another program: give another "
                "name as --zarr-labels, or remove that folder"
            )
        metadata.listed_labels(self.path.parent)

    def write(self, labels: Labels, *, t: int, z: int) -> None:
        """Write one plane at all sizes that the image has, chunk by chunk, where it is not there already.

        Args:
            labels: gives a box of them.
            t, z: which moment and which slice of the image; 0 where it has one, or the labels are of all slices.
        Raises:
            CellpruneError: see `require_own`.
            WorkError: the disk is full, or the folder cannot be written.
        """
        self.require_own()
        try:
            image, version = image_words(self.image)[1], metadata.read(self.image)[1]
            levels = self._levels(image)
            if not all(self._is_array(number) for number in range(len(levels))):
                self._make(image, levels, version)
            for number, level in enumerate(levels):
                self._write(labels, number, levels[0], level, {"T": t, "Z": z})
            metadata.list_labels(self.path.parent, self.name, version)
            self._gather(version, len(levels))
        except OSError as error:
            raise WorkError(f"{self.path} cannot be written ({reason(error)})") from error

    def _levels(self, image: metadata.Multiscale) -> list[Level]:
        """Give the sizes of the labels, those of the image; smaller sizes that are damaged are left out."""
        own = metadata.axes_of(image, self.image)
        levels: list[Level] = []
        for dataset in image.datasets:
            try:
                shape = array(self.image / dataset.path, own).shape
            except ImageError:
                if not levels:
                    raise
                break
            sizes = dict(zip(own, map(int, shape), strict=True))
            levels.append({axis: sizes[axis] for axis in own if axis != "C" and (axis != "Z" or self.by_slice)})
        return levels

    def _is_array(self, number: int) -> bool:
        return any((self.path / str(number) / name).is_file() for name in (".zarray", "zarr.json"))

    def _make(self, image: metadata.Multiscale, levels: list[Level], version: metadata.Version) -> None:
        """Write what the labels are, then the arrays that are not there, without a chunk."""
        metadata.write(
            self.path,
            metadata.words_of_labels(image, levels, self.name, version),
            version,
            own=self._own_words(),
        )
        for number, sizes in enumerate(levels):
            if not self._is_array(number):
                create(self.path / str(number), sizes, version)

    def _write(self, labels: Labels, number: int, largest: Level, level: Level, at: dict[str, int]) -> None:
        """Write a plane at one size, wherever its moment and slice are there."""
        import zarr

        opened = zarr.open_array(store=str(self.path / str(number)), mode="r+")
        size, whole = (level["Y"], level["X"]), (largest["Y"], largest["X"])
        outer = [
            np.flatnonzero(nearest(slice(0, level[axis]), largest[axis], level[axis]) == at[axis])
            for axis in level
            if axis not in "YX"
        ]
        chunks = [[slice(n, min(n + _CHUNK, of)) for n in range(0, of, _CHUNK)] for of in size]
        for steps, rows, columns in product(product(*outer), *chunks):
            others = map(int, steps)
            place = tuple({"Y": rows, "X": columns}[axis] if axis in "YX" else next(others) for axis in level)
            chunk = smaller(labels, whole, size, (rows, columns)).astype(_DTYPE, copy=False)
            chunk = chunk if [*level].index("Y") < [*level].index("X") else chunk.T
            if not np.array_equal(np.asarray(opened[place]), chunk):
                opened[place] = chunk

    def _gather(self, version: metadata.Version, n_levels: int) -> None:
        """Name the labels in the image's consolidated metadata, if it has them: readers look nowhere else."""
        import zarr

        named = metadata.consolidated(self.image)
        lacking = {f"labels/{self.name}/{number}" for number in range(n_levels)} - named
        if named and lacking:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that version 3 of Zarr does not know them yet
                zarr.consolidate_metadata(str(self.image), zarr_format=2 if version == "0.4" else 3)

    def _own_words(self) -> dict[str, object]:
        return {"made_by": self.made_by, "by_slice": self.by_slice}


def nearest(span: slice, old: int, new: int) -> NDArray[np.intp]:
    """Give for some of the new places along an axis the old one that lies under the middle of each."""
    return ((2 * np.arange(span.start, span.stop) + 1) * old) // (2 * new)


def smaller(labels: Labels, whole: Extent, size: Extent, box: Box) -> NDArray[np.unsignedinteger]:
    """Give a box of labels at a smaller size: the label under the middle of each pixel, never a mixture of numbers.

    Args:
        labels: gives a box of them at their own size, of which no more than a band is asked for at once.
        whole: their own (height, width).
        size: the smaller one.
        box: of the smaller one.
    """
    rows, columns = (nearest(span, old, new) for span, old, new in zip(box, whole, size, strict=True))
    across = slice(int(columns[0]), int(columns[-1]) + 1)
    at_once = max(1, BAND_PX // ((across.stop - across.start) * -(-whole[0] // size[0])))
    strips = []
    for start in range(0, len(rows), at_once):
        lines = rows[start : start + at_once]
        strip = labels((slice(int(lines[0]), int(lines[-1]) + 1), across))
        strips.append(strip[np.ix_(lines - lines[0], columns - columns[0])])
    return np.concatenate(strips)


def create(folder: Path, sizes: Level, version: metadata.Version) -> "zarr.Array":
    """Make an array of labels, all of them 0, without a chunk yet."""
    import zarr

    shape = tuple(sizes.values())
    chunks = tuple(min(_CHUNK, size) if axis in "YX" else 1 for axis, size in sizes.items())
    if version == "0.4":
        return zarr.create_array(
            str(folder), shape=shape, dtype=_DTYPE, chunks=chunks, zarr_format=2, fill_value=0,
            chunk_key_encoding={"name": "v2", "separator": "/"},
        )  # fmt: skip
    names = [axis.lower() for axis in sizes]
    return zarr.create_array(
        str(folder), shape=shape, dtype=_DTYPE, chunks=chunks, zarr_format=3, fill_value=0, dimension_names=names
    )
