"""Labels beside the image that they are of, inside its OME-Zarr: `labels/NAME`, in the image's own version.

They have the axes of the image but for channels, and but for slices where they are of all slices together. A chunk is a
part of one plane, so that no two writers ever share one.

Source: the OME-NGFF specifications 0.4 and 0.5, "labels" and "image-label".
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cellprune.errors import CellpruneError, WorkError
from cellprune.images.omezarr import metadata
from cellprune.images.omezarr.image import image_words
from cellprune.images.omezarr.storage import array
from cellprune.wording import quoted, reason

if TYPE_CHECKING:
    import zarr

_DTYPE = np.dtype("<u4")
_CHUNK = 1024  # pixels along rows and along columns
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
        """Refuse labels of this name that something else made.

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

    def write(self, labels: NDArray[np.unsignedinteger], *, t: int, z: int) -> None:
        """Write one plane, where it is not there already.

        Args:
            labels: (H, W).
            t, z: which moment and which slice of the image; 0 where it has one, or the labels are of all slices.
        Raises:
            CellpruneError: see `require_own`.
            WorkError: the disk is full, or the folder cannot be written.
        """
        self.require_own()
        try:
            image = image_words(self.image)[1]
            axes = "".join(
                one for one in metadata.axes_of(image, self.image) if one != "C" and (one != "Z" or self.by_slice)
            )
            if not any((self.path / "0" / name).is_file() for name in (".zarray", "zarr.json")):
                self._make(image, axes)
            self._write(labels if axes.index("Y") < axes.index("X") else labels.T, axes, {"T": t, "Z": z})
            metadata.list_labels(self.path.parent, self.name, metadata.read(self.image)[1])
        except OSError as error:
            raise WorkError(f"{self.path} cannot be written ({reason(error)})") from error

    def _write(self, labels: NDArray[np.unsignedinteger], axes: str, at: dict[str, int]) -> None:
        import zarr

        opened = zarr.open_array(store=str(self.path / "0"), mode="r+")
        plane = tuple(slice(None) if axis in "YX" else at[axis] for axis in axes)
        if not np.array_equal(np.asarray(opened[plane]), labels):
            opened[plane] = labels.astype(_DTYPE)

    def _make(self, image: metadata.Multiscale, axes: str) -> None:
        """Write what the labels are, then the array without a chunk."""
        own, version = metadata.axes_of(image, self.image), metadata.read(self.image)[1]
        words = metadata.words_of_labels(image, [own.index(axis) for axis in axes], self.name, version)
        metadata.write(self.path, words, version, own=self._own_words())
        sizes = dict(zip(own, array(self.image / image.datasets[0].path, own).shape, strict=True))
        create(self.path / "0", {axis: sizes[axis] for axis in axes}, version)

    def _own_words(self) -> dict[str, object]:
        return {"made_by": self.made_by, "by_slice": self.by_slice}


def create(folder: Path, sizes: dict[str, int], version: metadata.Version) -> "zarr.Array":
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
