"""The outlines of cells as GeoJSON, one feature per cell, which QuPath opens as detections.

Coordinates are pixels, across before down; they run along the borders of pixels, from (0, 0) at the image's corner. A
cell in several pieces is a MultiPolygon.

Source: RFC 7946; QuPath's `objectType` and `classification`.
"""

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cellprune.images.outlines import Piece, outlines
from cellprune.lab.position import Position


def as_bytes(labels: NDArray[np.unsignedinteger], class_of: Sequence[str], position: Position | None) -> bytes:
    """Give a collection of features, each named by its label.

    Args:
        labels: (H, W), 0 is background.
        class_of: name of the class of every label, the background's first.
        position: which image of a stack the labels are of; None where the image stands alone.
    """
    features = [
        {
            "type": "Feature",
            "geometry": _geometry(pieces, position),
            "properties": {
                "objectType": "detection",
                "name": str(label),
                "classification": {"name": class_of[label]},
            },
        }
        for label, pieces in outlines(labels)
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}, separators=(",", ":")).encode()


def _geometry(pieces: Sequence[Piece], position: Position | None) -> dict[str, object]:
    polygons = [[_closed(ring[:, ::-1].tolist()) for ring in piece.rings] for piece in pieces]
    # QuPath's own word, and none of the standard's
    where = {} if position is None else {"plane": {"c": -1, "z": position.z or 0, "t": position.t or 0}}
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0], **where}
    return {"type": "MultiPolygon", "coordinates": polygons, **where}


def _closed(ring: list[list[int]]) -> list[list[int]]:
    """Name the first corner once more at the end; the ring's direction is the standard's, whose y points up."""
    return [*ring, ring[0]]
