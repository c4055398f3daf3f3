"""A zip of ImageJ's ROIs, as Fiji's ROI manager saves it: one ROI a cell."""

import io
import zipfile
from pathlib import Path

import numpy as np

from cellprune.data.annotations.canvas import AnnotationError, Canvas, Drawn
from cellprune.wording import printable, reason

SUFFIX = ".zip"
_MOST_ROIS, _MOST_BYTES = 1_000_000, 2**30
_AREAS = ("POLYGON", "FREEHAND", "TRACED", "RECT")


def read(path: Path, size: tuple[int, int]) -> Drawn:
    """Draw every ROI; a pixel belongs to it if its centre lies inside, as in ImageJ.

    Args:
        path: the zip.
        size: (height, width) of the image.
    Raises:
        AnnotationError: it holds something else than ROIs, or ROIs that are no areas with corners.
    """
    from roifile import ImagejRoi

    canvas = Canvas(size)
    try:
        with zipfile.ZipFile(path) as archive:
            members = [one for one in archive.infolist() if not one.is_dir() and "__MACOSX" not in one.filename]
            if len(members) > _MOST_ROIS or sum(one.file_size for one in members) > _MOST_BYTES:
                raise AnnotationError(f"{printable(str(path))} unpacks to more than ROIs have: check the file")
            for member in members:
                roi = ImagejRoi.frombytes(archive.read(member))
                _require_area(
                    roi.roitype.name,
                    roi.rounded_rect_arc_size if roi.roitype.name == "RECT" else 0,
                    path,
                    member.filename,
                )
                rings = [np.asarray(ring, np.float64)[:, ::-1] for ring in roi.coordinates(multi=True)]
                canvas.draw(ring for ring in rings if len(ring) > 2)
    except (
        ValueError,
        RuntimeError,
        NotImplementedError,
        OSError,
        zipfile.BadZipFile,
        io.UnsupportedOperation,
    ) as error:
        raise AnnotationError(
            f"{printable(str(path))} is no zip of ImageJ's ROIs ({reason(error)}): save it again"
        ) from error
    return canvas.drawn()


def _require_area(kind: str, arc_size: int, path: Path, name: str) -> None:
    if kind not in _AREAS or arc_size:
        what = "a rounded rectangle" if arc_size else f"of the kind {kind.lower()}"
        raise AnnotationError(
            f"{printable(str(path))}: the ROI {printable(name)!r} is {what}, whose pixels only ImageJ knows: make it a "
            "polygon there (Edit > Selection > Convert to Polygon), or delete it"
        )
