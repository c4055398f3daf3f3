"""COCO: one JSON for many images, a cell's outline as polygons or as run lengths.

Source: cocodataset.org/#format-data; the run lengths of pycocotools (`maskApi.c`, rleFrString).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np

from cellprune.data.annotations.canvas import AnnotationError, Canvas, Drawn
from cellprune.files import reading
from cellprune.images.outlines import Mask, Ring
from cellprune.wording import printable, quoted, reason

SUFFIX = ".json"
_MOST_BYTES = 2**31
_BAD = (ValueError, LookupError, TypeError, AttributeError, OSError, RecursionError)


@dataclass(frozen=True)
class Coco:
    """What a file says of its images.

    Attributes:
        cells: by the image's file name, with the folders that stand in it, what the file says of each cell.
        sizes: by the same name, (height, width) of the image; None where it is left open.
    """

    path: Path
    cells: dict[str, list[dict[str, object]]]
    sizes: dict[str, tuple[object, object]]

    def read(self, name: str, size: tuple[int, int]) -> Drawn:
        """Draw the cells of one image; what is marked as a crowd is not known cell by cell, and so is ignored.

        Raises:
            AnnotationError: a cell that is neither polygons nor run lengths, or an image of another size.
        """
        for side, stated, real in zip(("height", "width"), self.sizes[name], size, strict=True):
            if stated not in (None, real):
                raise AnnotationError(
                    f"{printable(str(self.path))} was drawn on {printable(name)!r} with a {side} of {quoted(stated)} "
                    f"px, but the image has {real}: export it for this image"
                )
        canvas = Canvas(size)
        try:
            for cell in self.cells[name]:
                outline = cell["segmentation"]
                rings = list(_corners(outline)) if isinstance(outline, list) else None
                if cell.get("iscrowd"):
                    canvas.ignore(_runs(outline, size) if rings is None else canvas.united(rings))
                elif rings is None:
                    canvas.paint(_runs(outline, size))
                else:
                    canvas.draw_pieces(rings)
        except _BAD as error:
            raise _refused(self.path, error) from error
        return canvas.drawn()


def opened(path: Path) -> Coco | None:
    """Read a file; None where it is some other JSON.

    Raises:
        AnnotationError: it is damaged.
    """
    try:
        said = json.loads(reading.text_of(path, most=_MOST_BYTES))
        if not isinstance(said, dict) or not {"images", "annotations"} <= said.keys():
            return None
        names = {image["id"]: str(image["file_name"]) for image in said["images"]}
        cells: dict[str, list[dict[str, object]]] = {name: [] for name in names.values()}
        for one in said["annotations"]:
            if one["image_id"] not in names:
                raise ValueError(f"a cell is of the image {one['image_id']!r}, which is not listed")
            cells[names[one["image_id"]]].append(one)
        sizes = {names[image["id"]]: (image.get("height"), image.get("width")) for image in said["images"]}
        return Coco(path, cells, sizes)
    except _BAD as error:
        raise _refused(path, error) from error


def _corners(outline: list[object]) -> Iterator[Ring]:
    """Give the corners of polygons, which stand there as x, y, x, y."""
    for ring in outline:
        yield np.array(ring, np.float64).reshape(-1, 2)[:, ::-1]


def _runs(outline: object, size: tuple[int, int]) -> Mask:
    """Draw run lengths: column by column, background first."""
    if not isinstance(outline, dict):
        raise ValueError("a cell has no segmentation")
    if tuple(outline["size"]) != size:
        raise ValueError(f"a cell is of an image of {outline['size']} pixels, and the image has {list(size)}")
    counts = outline["counts"]
    lengths = _unpacked(counts.encode()) if isinstance(counts, str) else [int(count) for count in counts]
    if min(lengths, default=0) < 0 or sum(lengths) != size[0] * size[1]:
        raise ValueError("the runs of a cell do not add up to the image")
    mask = np.zeros(size[0] * size[1], bool)
    ends = list(accumulate(lengths))
    for start, end in zip(ends[::2], ends[1::2], strict=False):
        mask[start:end] = True
    return mask.reshape(size[1], size[0]).T


def _unpacked(text: bytes) -> list[int]:
    """Read packed run lengths: five bits a character, from the third on as the difference from the last but one."""
    lengths: list[int] = []
    value = shift = 0
    for character in text:
        bits = character - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if not bits & 0x20:
            if bits & 0x10:
                value -= 1 << shift
            lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
            value = shift = 0
    return lengths


def _refused(path: Path, error: BaseException) -> AnnotationError:
    return AnnotationError(
        f"{printable(str(path))} is no whole COCO file of outlines ({reason(error)}): export it again"
    )
