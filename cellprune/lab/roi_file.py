"""The outlines of cells as a zip of ImageJ's ROIs, one per cell, which Fiji's ROI manager opens.

A cell in one piece without holes is a traced ROI, as ImageJ's wand makes them; others are composite ROIs. Both run
along the borders of pixels, so that "Create Mask" in ImageJ gives the mask back.
"""

import io
import zipfile
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from roifile import ROI_OPTIONS, ROI_TYPE, ImagejRoi

from cellprune.errors import CellpruneError
from cellprune.images.outlines import Piece, Ring, outlines
from cellprune.lab.position import Position

_LARGEST = 2**15 - 1  # coordinate of a ROI
_EPOCH = (1980, 1, 1, 0, 0, 0)  # of every member: the same cells are the same bytes
_MOVE, _LINE, _CLOSE = 0.0, 1.0, 4.0  # of a composite ROI's path


def as_bytes(labels: NDArray[np.unsignedinteger], class_of: Sequence[str], position: Position | None) -> bytes:
    """Give a zip of ROIs, each named by its label and class: `0012-cell`.

    Args:
        labels: (H, W), 0 is background.
        class_of: name of the class of every label, the background's first.
        position: which image of a stack the labels are of; None where the image stands alone.
    Raises:
        CellpruneError: the image is larger than ROIs can be.
    """
    if max(labels.shape) > _LARGEST:
        raise CellpruneError(f"ImageJ's ROIs hold coordinates up to {_LARGEST:,} px: give --outlines geojson")
    digits = max(4, len(str(len(class_of) - 1)))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for label, pieces in outlines(labels):
            name = f"{label:0{digits}d}-{class_of[label]}"
            member = zipfile.ZipInfo(f"{name}.roi", _EPOCH)
            archive.writestr(member, _roi(pieces, name, position).tobytes(), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _roi(pieces: Sequence[Piece], name: str, position: Position | None) -> ImagejRoi:
    rings = [ring for piece in pieces for ring in piece.rings]
    corners = np.concatenate(rings)
    (top, left), (bottom, right) = corners.min(0).tolist(), corners.max(0).tolist()
    roi = ImagejRoi(name=name, top=top, left=left, bottom=bottom, right=right)
    _put(roi, position)
    roi.options = ROI_OPTIONS.OVERLAY_BACKGROUNDS | ROI_OPTIONS.OVERLAY_LABELS
    if len(rings) == 1:
        roi.roitype = ROI_TYPE.TRACED
        roi.integer_coordinates = (corners[:, ::-1] - (left, top)).astype(np.int32)
        roi.n_coordinates = len(corners)
    else:
        roi.roitype = ROI_TYPE.RECT  # as ImageJ marks a composite ROI, whose path follows
        roi.multi_coordinates = np.array([number for ring in rings for number in _path(ring)], np.float32)
        roi.shape_roi_size = len(roi.multi_coordinates)
    return roi


def _put(roi: ImagejRoi, position: Position | None) -> None:
    """Say which images of a stack the cell is in, numbered from 1; 0 is all, as ever of channels."""
    if position is None:
        return
    z, t = (0 if number is None else number + 1 for number in (position.z, position.t))
    if position.is_hyperstack:
        roi.z_position, roi.t_position = z, t
    else:
        roi.position = z or t


def _path(ring: Ring) -> list[float]:
    """Give a ring as the words of a path, across before down."""
    words: list[float] = []
    for at, (y, x) in enumerate(ring.tolist()):
        words += [_LINE if at else _MOVE, x, y]
    return [*words, _CLOSE]
