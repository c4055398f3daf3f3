"""The folder of a prediction: the one place that knows its files, and what of them is done.

    labels/NAME.tif      one a image, native size; its description says what it was made from; of a stack a stack, whose
                         images have a file each until all of them are done
    overlays/NAME.png    the image with the outlines of its cells, unless nobody wants them
    outlines/NAME.zip    and .geojson: the outlines as other programs open them, where they are wanted
    cells.csv            one line a cell
    prediction.json      the model and settings, the images, and what could not be read
    shards/2-of-4/       these two files of a shard, see `lab.record`; labels and overlays lie together
    labels/NAME          in the OME-Zarr of an image, where they are wanted, see `images.omezarr.labels`
    tracks.csv and so on, see `lab.tracks`; cellprune_mqc.json, see `lab.merge`

Every file is there whole or not at all. An image's labels are written last of it: they say that it is done.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from xml.etree import ElementTree

import numpy as np
import tifffile
from numpy.typing import NDArray

from cellprune.errors import CellpruneError, WorkError
from cellprune.files.listing import names
from cellprune.images.read import ImageError, read_labels
from cellprune.images.sources import sha256_of
from cellprune.lab import multiqc_file, record
from cellprune.lab import stacks as stackfile
from cellprune.lab.cells import Row
from cellprune.lab.inputs import Image
from cellprune.lab.outline_files import FILES, OutlineFile
from cellprune.lab.position import Position
from cellprune.lab.record import RECORD, SCHEMA, SHARDS, TABLE
from cellprune.lab.table import Table, write_csv
from cellprune.machine.shard import Shard
from cellprune.runs import atomic, documents, lock
from cellprune.targets.kinds import Box
from cellprune.wording import printable

if TYPE_CHECKING:
    from cellprune.images.omezarr.labels import ImageLabels

_LABELS, _OVERLAYS, _OUTLINES = "labels", "overlays", "outlines"
OF_TRACKS = ("tracks.csv", "tracked", "ctc", "geff")

Labels = NDArray[np.unsignedinteger]
_Cells = list[tuple[str, int]]  # of an image: how many of each class, class by class


class Said(NamedTuple):
    """Where the labels of an image are, and their cells."""

    path: Path
    plane: int | None
    cells: _Cells

    @property
    def class_of(self) -> list[str]:
        """Name of the class of every label, the background's first."""
        return ["background", *(name for name, n_cells in self.cells for _ in range(n_cells))]


class Output:
    """A prediction's folder, there or still to be made.

    Attributes:
        records: where the record and the table of this process lie.
        zarr_labels: name of the labels that images in an OME-Zarr get in it, too; None for none.

    Args:
        path: the folder.
        settings: JSON values that decide what the labels are; a folder made with others is refused.
        images: their names, as `Image.name`.
        stacks: names of those whose labels are to be a stack, as `Image.stack`.
        running: JSON values that say by what the network is run, and its maps are decoded; of a folder that is gone on
            with, the latest.
        overlays: whether an image without one is still to be done.
        outlines: files of outlines that are wanted; they are made of labels that are there, too.
        shard: the one that works here, beside others; None where one process does all.
        inputs: of a shard: what tells the whole list of files from others, as `inputs.digest`.
        zarr_labels: see above.
    Raises:
        CellpruneError: a file, foreign content, other settings or shards, or labels of images that are not among these.
    """

    def __init__(
        self,
        path: Path,
        settings: Mapping[str, object],
        images: Sequence[str],
        *,
        stacks: Collection[str] = (),
        running: Mapping[str, object] | None = None,
        overlays: bool = True,
        outlines: Sequence[OutlineFile] = (),
        shard: Shard | None = None,
        inputs: str = "",
        zarr_labels: str | None = None,
    ) -> None:
        self.path = path
        self.shard = shard
        self._inputs = inputs
        self.zarr_labels = zarr_labels
        self.records = record.folder_of(path, shard)
        self.stacks = frozenset(stacks)
        self.overlays = overlays
        self.outlines = tuple(outlines)
        self._settings = dict(settings)
        self._running = {} if running is None else dict(running)
        self._names = set(images)
        self._digests: dict[tuple[Path, int, int], str] = {}
        self._words: dict[tuple[Path, int], tuple[str, list[_Cells]]] = {}  # of the stack that was looked at last
        self._refuse()

    def take(self, images: Sequence[Image], *, separate: bool) -> None:
        """Take images that came later.

        Args:
            images: all of one file.
            separate: whether the labels of a stack stay one file each.
        """
        self._names |= {image.name for image in images}
        if not separate:
            self.stacks |= {image.stack for image in images if image.stack is not None}

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder and hold it, or this shard of it, for this process.

        Raises:
            CellpruneError: another process is at work in it, or it cannot be written.
        """
        with lock.locked(self.records):
            self._refuse()  # once more: another process may have come and gone
            for name in (_LABELS, *([_OVERLAYS] if self.overlays else []), *([_OUTLINES] if self.outlines else [])):
                (self.path / name).mkdir(exist_ok=True)
            if not (self.records / RECORD).exists():
                self.write_record({"finished": False})
            yield

    def sweep(self, images: Sequence[Image]) -> None:
        """Clear away what killed writers left; in a shard those of its own images, since others are at work."""
        of = None if self.shard is None else {
            path.name
            for image in images
            for path in self._files_of(image)
        }  # fmt: skip
        for name in (_LABELS, _OVERLAYS, _OUTLINES):
            atomic.sweep(self.path / name, of=of)

    def gone(self) -> Path | None:
        """Give the folder that was removed while it is held, with the labels in it; None where they are there."""
        return next((folder for folder in (self.path, self.path / _LABELS) if not folder.is_dir()), None)

    def remove(self, images: Sequence[Image]) -> None:
        """Remove what is there of images whose file became another, the labels first, which say that it is done.

        Raises:
            WorkError: a file cannot be removed.
        """
        for path in dict.fromkeys(path for image in images for path in self._files_of(image)):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise atomic.UnwrittenError(f"could not remove {path} ({error.strerror})", "mend the folder") from error

    def labels_of(self, image: Image) -> tuple[Labels, list[str]] | None:
        """Give the labels that are there of an image and the class names by label; None where it is still to be done.

        An image whose file changed since is to be done again.
        """
        said = self.said_of(image)
        if said is None:
            return None
        with suppress(ImageError):  # damaged: made again
            labels = read_labels(said.path, said.plane).astype(np.uint32)
            if labels.max(initial=0) == len(said.class_of) - 1:
                return labels, said.class_of
        return None

    def said_of(self, image: Image) -> Said | None:
        """Give where the labels of an image are, unread; None where it is still to be done, its overlay included."""
        return None if self.overlays and not self._overlay_path(image).exists() else self._said(image)

    def _said(self, image: Image) -> Said | None:
        """Give what the labels that are there of an image say of themselves; None where they are not this image's."""
        own, stack = self._labels_path(image), self._stack_path(image)
        with suppress(ValueError, KeyError, TypeError, ElementTree.ParseError):
            if own.exists():
                with tifffile.TiffFile(own) as tif:
                    said = json.loads(tif.pages.first.description)
                if said["source"] == self._source(image):
                    return Said(own, None, said["cells"])
            elif stack is not None and image.plane is not None and stack.exists():
                sha256, cells = self._words_of(stack)
                if {"sha256": sha256, "plane": image.plane} == self._source(image):
                    return Said(stack, image.plane, cells[image.plane])
        return None

    def _words_of(self, stack: Path) -> tuple[str, list[_Cells]]:
        """Give the digest of what a stack was made from, and its cells; asked for every image of it, and read once."""
        key = stack, stack.stat().st_mtime_ns
        if key not in self._words:
            said = json.loads(stackfile.description_of(stack))
            self._words = {key: (said["source"]["sha256"], said["cells"])}
        return self._words[key]

    def join(self, images: Sequence[Image], pixel_size_um: tuple[float, float] | None) -> None:
        """Make one stack of the labels of all images of a stack, in the place of their files.

        Args:
            images: in their order; all of them are done.
            pixel_size_um: (y, x); None when unknown.
        Raises:
            WorkError: see `write`; also labels that changed meanwhile.
        """
        path = self._stack_path(images[0])
        if path is None or not any(self._labels_path(image).exists() for image in images):
            return
        found = [said for image in images if (said := self._said(image)) is not None]
        if len(found) < len(images):
            raise WorkError(f"the labels of {images[0].shown} in {self.path} changed while they were made")
        n_cells = max(sum(n for _, n in said.cells) for said in found)
        sha256 = self._source(images[0])["sha256"]
        with atomic.replacing(path) as beside:
            stackfile.write(
                beside, (read_labels(said.path, said.plane) for said in found),
                shape=(len(images), *images[0].header.size), dtype=np.uint16 if n_cells < 2**16 else np.uint32,
                description=json.dumps({"source": {"sha256": sha256}, "cells": [said.cells for said in found]}),
                pixel_size_um=pixel_size_um,
            )  # fmt: skip
        for image in images:
            self._labels_path(image).unlink(missing_ok=True)

    def write(
        self,
        image: Image,
        labels: Labels,
        class_of: Sequence[str],
        overlay: bytes | None,
        pixel_size_um: tuple[float, float] | None,
    ) -> None:
        """Write all files of one image, its labels last.

        Args:
            labels: (H, W) uint16 or uint32, 0 is background.
            class_of: name of the class of every label, the background's first.
            overlay: a PNG; None where nobody wants it.
            pixel_size_um: (y, x); None when unknown.
        Raises:
            WorkError: the disk is full or the folder cannot be written.
        """
        if overlay is not None:
            self.write_overlay(image, overlay)
        with self.replacing_labels(image) as beside:
            tifffile.imwrite(
                beside, labels, compression="zlib", description=self.description(image, class_of), metadata=None,
                **stackfile.resolution_tags(pixel_size_um),
            )  # fmt: skip

    def write_overlay(self, image: Image, overlay: bytes) -> None:
        """Write the overlay alone, before the labels; raises as `write`."""
        atomic.write_bytes(self._overlay_path(image), overlay)

    def replacing_labels(self, image: Image) -> AbstractContextManager[Path]:
        """Give where to write the labels of an image, in a folder that goes with the block; raises as `write`."""
        return atomic.replacing(self._labels_path(image))

    def description(self, image: Image, class_of: Sequence[str]) -> str:
        """Give what the labels of an image say of themselves: of what they were made, and their cells."""
        # cells are numbered class by class, so that their counts say it all
        cells = [[name, len(list(same))] for name, same in groupby(class_of[1:])]
        return json.dumps({"source": self._source(image), "cells": cells})

    def outlines_of(
        self, image: Image, labels: Labels, class_of: Sequence[str], *, anew: bool
    ) -> dict[OutlineFile, bytes]:
        """Give the content of the files of outlines that an image lacks.

        Args:
            labels, class_of: see `write`.
            anew: also of those that are there, since they may be of other labels.
        Raises:
            CellpruneError: the image is too large for one of the formats.
        """
        return {
            kind: FILES[kind].as_bytes(labels, class_of, image.position)
            for kind in self.lacking_outlines(image, anew=anew)
        }

    def lacking_outlines(self, image: Image, *, anew: bool) -> list[OutlineFile]:
        """Name the files of outlines that `outlines_of` makes."""
        return [kind for kind in self.outlines if anew or not self._outline_path(image, kind).exists()]

    def write_outlines(self, image: Image, files: Mapping[OutlineFile, bytes]) -> None:
        """Write files of outlines, before the labels; raises as `write`."""
        for kind, content in files.items():
            atomic.write_bytes(self._outline_path(image, kind), content)

    def require_own_zarr_labels(self, images: Sequence[Image]) -> None:
        """Refuse to write labels into OME-Zarrs that have such labels by something else, or where there is no OME-Zarr.

        Raises:
            CellpruneError: says what to do.
        """
        if self.zarr_labels is None:
            return
        inside = dict.fromkeys(image.path for image in images if image.path.is_dir())
        if not inside:
            raise CellpruneError(f"--zarr-labels {self.zarr_labels}: no image lies in an OME-Zarr: remove the option")
        for path in inside:
            self._beside(path, self.zarr_labels).require_own()

    def write_zarr_labels(self, image: Image, labels: Callable[[Box], Labels]) -> None:
        """Write labels into the OME-Zarr of their image, where they are wanted and there is one; raises as `write`.

        Args:
            labels: gives a box of them.
        """
        if self.zarr_labels is not None and image.path.is_dir():
            at = image.position or Position()
            self._beside(image.path, self.zarr_labels).write(labels, t=at.t or 0, z=at.z or 0)

    def _beside(self, image: Path, name: str) -> "ImageLabels":
        from cellprune.images.omezarr.labels import ImageLabels

        made_by = hashlib.sha256(json.dumps(self._settings, sort_keys=True).encode()).hexdigest()
        return ImageLabels(image, name, made_by, by_slice=self._settings.get("z") != "max")

    def label_files(self, images: Sequence[Image]) -> list[Path]:
        """Give the files that hold the labels of images that are done, a stack once."""
        files: dict[Path, None] = {}
        for image in images:
            own, stack = self._labels_path(image), self._stack_path(image)
            files[own if stack is None or own.exists() else stack] = None
        return list(files)

    def table(self) -> Table:
        """Give an empty table, which lies on this folder's disk."""
        return Table(self.records)

    def write_table(self, rows: Iterable[Row]) -> None:
        """Write cells.csv; raises as `write`."""
        write_csv(self.records / TABLE, rows)

    def write_record(self, content: Mapping[str, object]) -> None:
        """Write prediction.json; raises as `write`."""
        own = {} if self.shard is None else {"shard": str(self.shard), "inputs": self._inputs}
        said = {"schema": SCHEMA, "settings": self._settings, **own, **self._running, **content}
        documents.write_json(self.records / RECORD, said)

    def _source(self, image: Image) -> dict[str, object]:
        status = image.path.stat()  # while a folder is watched, a file may become another
        key = image.path, status.st_size, status.st_mtime_ns
        if key not in self._digests:
            self._digests[key] = sha256_of(image.path)
        return {"sha256": self._digests[key], "plane": image.plane}

    def _files_of(self, image: Image) -> list[Path]:
        """Give all that may lie in the folder of an image, its labels first."""
        own, stack = self._labels_path(image), self._stack_path(image)
        outlines = (self._outline_path(image, kind) for kind in FILES)
        return [own, *([] if stack is None else [stack]), self._overlay_path(image), *outlines]

    def _labels_path(self, image: Image) -> Path:
        return self.path / _LABELS / f"{image.name}.tif"

    def _stack_path(self, image: Image) -> Path | None:
        return self.path / _LABELS / f"{image.stack}.tif" if image.stack in self.stacks else None

    def _overlay_path(self, image: Image) -> Path:
        return self.path / _OVERLAYS / f"{image.name}.png"

    def _outline_path(self, image: Image, kind: OutlineFile) -> Path:
        return self.path / _OUTLINES / f"{image.name}{FILES[kind].suffix}"

    def _refuse(self) -> None:
        try:
            if self.path.exists() and not self.path.is_dir():
                raise CellpruneError(f"{self.path} is a file, not a folder: give another -o")
            foreign = sorted(self._foreign())
        except OSError as error:
            raise CellpruneError(f"cannot look into {self.path} ({error.strerror}): give another -o") from error
        self._require_settings()  # other ones may be why other files are there
        if foreign:
            raise CellpruneError(
                f"{self.path} holds {printable(foreign[0])!r}, which is not a result of these inputs: "
                "give an absent or empty folder as -o"
            )

    def _require_settings(self) -> None:
        record.require_same_shards(self.path, self.shard)
        for folder in (self.path, *(record.folder_of(self.path, shard) for shard in record.shards_in(self.path))):
            before = record.settings_in(folder)
            if before is not None and (changed := record.differing(before, self._settings)):
                raise CellpruneError(
                    f"{self.path} was predicted with another {' and another '.join(changed)}: "
                    "give the same as before, or another -o"
                )

    def _foreign(self) -> Iterator[str]:
        """Give what is in the folder and not ours; without a record nothing in it is ours."""
        ours = {lock.LOCK, *([SHARDS] if self.shard and record.are_shards(self.path / SHARDS) else [])}
        if (self.path / RECORD).exists() or record.shards_in(self.path) or self._began():
            ours |= {_LABELS, _OVERLAYS, _OUTLINES, TABLE, RECORD, multiqc_file.NAME, *OF_TRACKS}
            for folder, suffixes, known in (
                (_LABELS, [".tif"], self._names | self.stacks),
                (_OVERLAYS, [".png"], self._names),
                (_OUTLINES, [row.suffix for row in FILES.values()], self._names),
            ):
                for name in names(self.path / folder):
                    is_known = any(name.endswith(end) and name.removesuffix(end) in known for end in suffixes)
                    if not is_known and not atomic.is_partial(name):
                        yield f"{folder}/{name}"
        for name in names(self.path):
            if name not in ours and not atomic.is_partial(name):
                yield name

    def _began(self) -> bool:
        """Tell a folder whose maker was stopped before the record: the folders in it are empty."""
        there = [self.path / name for name in (_LABELS, _OVERLAYS, _OUTLINES) if (self.path / name).is_dir()]
        return self.path / _LABELS in there and not any(map(names, there))


def engine_before(path: Path) -> str | None:
    """Give the engine that predicted what is in a folder, so that what was begun goes on in it; None for none."""
    for folder in (path, *(record.folder_of(path, shard) for shard in record.shards_in(path))):
        # nothing there, or of torch, or damaged: told of elsewhere
        with suppress(CellpruneError, LookupError, TypeError):
            return str(documents.read_json(folder / RECORD)["settings"]["engine"])
    return None
