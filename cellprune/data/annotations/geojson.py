"""GeoJSON, as QuPath exports it: one feature a cell, in pixels, across before down."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cellprune.data.annotations.canvas import AnnotationError, Canvas, Drawn
from cellprune.files import reading
from cellprune.images.outlines import Ring
from cellprune.wording import printable, reason

SUFFIX = ".geojson"
_MOST_BYTES = 2**30


def read(path: Path, size: tuple[int, int]) -> Drawn:
    """Draw every feature; a pixel belongs to it if its centre lies inside, as in QuPath.

    Args:
        path: the file.
        size: (height, width) of the image.
    Raises:
        AnnotationError: it is no GeoJSON of polygons.
    """
    canvas = Canvas(size)
    try:
        for geometry in _geometries(json.loads(reading.text_of(path, most=_MOST_BYTES))):
            canvas.draw(_rings(geometry))
    except AnnotationError:
        raise
    except (ValueError, LookupError, TypeError, AttributeError, OSError, RecursionError) as error:
        raise AnnotationError(
            f"{printable(str(path))} is no GeoJSON of polygons ({reason(error)}): export it again"
        ) from error
    return canvas.drawn()


def _geometries(said: object) -> Iterator[dict[str, object]]:
    """Give the geometry of each feature of a collection, of a list of features, or of one."""
    if isinstance(said, list):
        for one in said:
            yield from _geometries(one)
    elif isinstance(said, dict) and said.get("type") == "FeatureCollection":
        yield from _geometries(said["features"])
    elif isinstance(said, dict) and said.get("type") == "Feature":
        yield said["geometry"]
    else:
        raise ValueError("it holds something else than features")


def _rings(geometry: dict[str, object]) -> list[Ring]:
    kind, coordinates = geometry["type"], geometry["coordinates"]
    if kind not in ("Polygon", "MultiPolygon") or not isinstance(coordinates, list):
        raise ValueError(f"it holds a {kind}, which is no area")
    polygons = [coordinates] if kind == "Polygon" else coordinates
    return [np.array(ring, np.float64)[:, 1::-1] for polygon in polygons for ring in polygon]
