"""GeoJSON, as QuPath exports it: one feature a cell, in pixels, across before down.

In QuPath a cell that was found is a detection, and what a person drew is an annotation: a cell, or the area to look in.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cellprune.data.annotations.canvas import AnnotationError, Canvas, Drawn, holds_a_cell
from cellprune.files import reading
from cellprune.images.outlines import Ring
from cellprune.wording import printable, reason

SUFFIX = ".geojson"
_MOST_BYTES = 2**30
_FOUND, _BY_HAND = ("detection", "cell"), "annotation"


def read(path: Path, size: tuple[int, int]) -> Drawn:
    """Draw every cell; a pixel belongs to it if its centre lies inside, as in QuPath.

    An annotation around a whole detection is an area with cells in it, and no cell.

    Args:
        path: the file.
        size: (height, width) of the image.
    Raises:
        AnnotationError: it is no GeoJSON of polygons.
    """
    try:
        return _drawn(list(_shapes(json.loads(reading.text_of(path, most=_MOST_BYTES)))), size)
    except AnnotationError:
        raise
    except (ValueError, LookupError, TypeError, AttributeError, OSError, RecursionError) as error:
        raise AnnotationError(
            f"{printable(str(path))} is no GeoJSON of polygons ({reason(error)}): export it again"
        ) from error


@dataclass(frozen=True)
class _Shape:
    """What one feature says.

    Attributes:
        kind: QuPath's word for it, such as detection; None where another program wrote it.
    """

    kind: object
    rings: list[Ring]


def _drawn(shapes: Sequence[_Shape], size: tuple[int, int]) -> Drawn:
    found = Canvas(size)
    if any(one.kind == _BY_HAND for one in shapes):
        for one in shapes:
            if one.kind in _FOUND:
                found.draw(one.rings)
    around = found.drawn().labels
    areas = np.bincount(around.ravel())
    canvas = Canvas(size)
    n_areas = 0
    for one in shapes:
        if one.kind == _BY_HAND and holds_a_cell(one.rings, around, areas):
            n_areas += 1
        else:
            canvas.draw(one.rings)
    return replace(canvas.drawn(), n_areas=n_areas)


def _shapes(said: object) -> Iterator[_Shape]:
    """Give each feature of a collection, of a list of features, or of one."""
    if isinstance(said, list):
        for one in said:
            yield from _shapes(one)
    elif isinstance(said, dict) and said.get("type") == "FeatureCollection":
        yield from _shapes(said["features"])
    elif isinstance(said, dict) and said.get("type") == "Feature":
        yield _Shape((said.get("properties") or {}).get("objectType"), _rings(said["geometry"]))
    else:
        raise ValueError("it holds something else than features")


def _rings(geometry: dict[str, object]) -> list[Ring]:
    kind, coordinates = geometry["type"], geometry["coordinates"]
    if kind not in ("Polygon", "MultiPolygon") or not isinstance(coordinates, list):
        raise ValueError(f"it holds a {kind}, which is no area")
    polygons = [coordinates] if kind == "Polygon" else coordinates
    return [np.array(ring, np.float64)[:, 1::-1] for polygon in polygons for ring in polygon]
