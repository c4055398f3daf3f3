"""The folder of a prediction: the one place that knows its files, and what of them is done.

    labels/NAME.tif      one a image, native size; its description says what it was made from
    overlays/NAME.png    the image with the outlines of its cells, unless nobody wants them
    cells.csv            one line a cell
    prediction.json      the model and settings, the images, and what could not be read
    tracks.csv and so on, see `lab.tracks`

Every file is there whole or not at all. An image's labels are written last of it: they say that it is done.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from cellprune.errors import CellpruneError
from cellprune.files.listing import names
from cellprune.images.read import ImageError, read_labels
from cellprune.lab.inputs import Image
from cellprune.runs import atomic, documents, lock
from cellprune.wording import printable

_LABELS, _OVERLAYS, _TABLE, _RECORD = "labels", "overlays", "cells.csv", "prediction.json"
_SCHEMA = 1
OF_TRACKS = ("tracks.csv", "tracked", "ctc", "geff")

Labels = NDArray[np.unsignedinteger]


class Output:
    """A prediction's folder, there or still to be made.

    Args:
        path: the folder.
        settings: JSON values that decide what the labels are; a folder made with others is refused.
        images: their names, as `Image.name`.
        running: JSON values that say by what the network is run; of a folder that is gone on with, the latest.
        overlays: whether an image without one is still to be done.
    Raises:
        CellpruneError: a file, foreign content, other settings, or labels of images that are not among these.
    """

    def __init__(
        self,
        path: Path,
        settings: Mapping[str, object],
        images: Sequence[str],
        *,
        running: Mapping[str, object] | None = None,
        overlays: bool = True,
    ) -> None:
        self.path = path
        self.overlays = overlays
        self._settings = dict(settings)
        self._running = {} if running is None else {"engine": dict(running)}
        self._names = set(images)
        self._digests: dict[Path, str] = {}
        self._refuse()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder and hold it for this process; what killed writers left is cleaned away.

        Raises:
            CellpruneError: another process is at work in it, or it cannot be written.
        """
        with lock.locked(self.path):
            self._refuse()  # once more: another process may have come and gone
            for folder in (self.path / _LABELS, *([self.path / _OVERLAYS] if self.overlays else [])):
                folder.mkdir(exist_ok=True)
                atomic.sweep(folder)
            if not (self.path / _RECORD).exists():
                self.write_record({"finished": False})
            yield

    def labels_of(self, image: Image) -> tuple[Labels, list[str]] | None:
        """Give the labels that are there of an image and the class names by label; None where it is still to be done.

        An image whose file changed since is to be done again.
        """
        path = self.labels_path(image.name)
        if not path.exists() or (self.overlays and not self._overlay_path(image).exists()):
            return None
        with suppress(ImageError, ValueError, KeyError, TypeError):  # damaged: made again
            with tifffile.TiffFile(path) as tif:
                said = json.loads(tif.pages.first.description)
            if said["source"] == self._source(image):
                labels = read_labels(path).astype(np.uint32)
                class_of = ["background", *(name for name, n_cells in said["cells"] for _ in range(n_cells))]
                if labels.max(initial=0) == len(class_of) - 1:
                    return labels, class_of
        return None

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
            atomic.write_bytes(self._overlay_path(image), overlay)
        # cells are numbered class by class, so that their counts say it all
        cells = [[name, len(list(same))] for name, same in groupby(class_of[1:])]
        said = json.dumps({"source": self._source(image), "cells": cells})
        with atomic.replacing(self.labels_path(image.name)) as beside:
            tifffile.imwrite(
                beside, labels, compression="zlib", predictor=True, description=said, metadata=None,
                **resolution(pixel_size_um),
            )  # fmt: skip

    def labels_path(self, name: str) -> Path:
        """Name the label image of an image by the image's name."""
        return self.path / _LABELS / f"{name}.tif"

    def write_table(self, text: str) -> None:
        """Write cells.csv; raises as `write`."""
        atomic.write_text(self.path / _TABLE, text)

    def write_record(self, content: Mapping[str, object]) -> None:
        """Write prediction.json; raises as `write`."""
        said = {"schema": _SCHEMA, "settings": self._settings, **self._running, **content}
        documents.write_json(self.path / _RECORD, said)

    def _source(self, image: Image) -> dict[str, object]:
        if image.path not in self._digests:
            with image.path.open("rb") as file:
                self._digests[image.path] = hashlib.file_digest(file, "sha256").hexdigest()
        return {"sha256": self._digests[image.path], "plane": image.plane}

    def _overlay_path(self, image: Image) -> Path:
        return self.path / _OVERLAYS / f"{image.name}.png"

    def _refuse(self) -> None:
        try:
            if self.path.exists() and not self.path.is_dir():
                raise CellpruneError(f"{self.path} is a file, not a folder: give another -o")
            foreign = sorted(self._foreign())
        except OSError as error:
            raise CellpruneError(f"cannot look into {self.path} ({error.strerror}): give another -o") from error
        if foreign:
            raise CellpruneError(
                f"{self.path} holds {printable(foreign[0])!r}, which is not a result of these inputs: "
                "give an absent or empty folder as -o"
            )
        if (self.path / _RECORD).exists():
            before = documents.read_json(self.path / _RECORD).get("settings")
            before = before if isinstance(before, dict) else {}
            changed = sorted(
                key if key == "model" else f"--{key.replace('_', '-')}"
                for key in {*before, *self._settings}
                if before.get(key) != json.loads(json.dumps(self._settings.get(key)))
            )
            if changed:
                raise CellpruneError(
                    f"{self.path} was predicted with another {' and another '.join(changed)}: "
                    "give the same as before, or another -o"
                )

    def _foreign(self) -> Iterator[str]:
        """Give what is in the folder and not ours; without a record nothing in it is ours."""
        ours = {lock.LOCK}
        if (self.path / _RECORD).exists() or self._began():
            ours |= {_LABELS, _OVERLAYS, _TABLE, _RECORD, *OF_TRACKS}
            for folder, suffix in ((_LABELS, ".tif"), (_OVERLAYS, ".png")):
                for name in names(self.path / folder):
                    if name.removesuffix(suffix) not in self._names and not atomic.is_partial(name):
                        yield f"{folder}/{name}"
        for name in names(self.path):
            if name not in ours and not atomic.is_partial(name):
                yield name

    def _began(self) -> bool:
        """Tell a folder whose maker was stopped before the record: the folders in it are empty."""
        there = [self.path / name for name in (_LABELS, _OVERLAYS) if (self.path / name).is_dir()]
        return self.path / _LABELS in there and not any(map(names, there))


def engine_before(path: Path) -> str | None:
    """Give the engine that predicted what is in a folder, so that what was begun goes on in it; None for none."""
    try:
        return str(documents.read_json(path / _RECORD)["settings"]["engine"])
    except (CellpruneError, LookupError, TypeError):  # nothing there, or of torch, or damaged: told of elsewhere
        return None


def resolution(pixel_size_um: tuple[float, float] | None) -> dict[str, Any]:
    """Give the TIFF tags that carry the pixel size on: pixels a centimetre, across first."""
    if pixel_size_um is None:
        return {}
    return {"resolution": (1e4 / pixel_size_um[1], 1e4 / pixel_size_um[0]), "resolutionunit": "CENTIMETER"}
