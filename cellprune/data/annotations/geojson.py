"""GeoJSON, as QuPath exports it: one feature a cell, in pixels, across before down.

In QuPath a cell that was found is a detection, and what a person drew is an annotation: a cell, or the area to look in.
Nothing says which. An area is what holds whole cells, or is much larger than those that were found, or has a class
whose name ends in `*`, such as `Region*`: QuPath's own sign for what is not measured. Tiles and tissue cores are no
cells either.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from cellprune.data.annotations.canvas import AnnotationError, Boxed, Canvas, Drawn, boxed
from cellprune.files import reading
from cellprune.images.outlines import Ring
from cellprune.wording import printable, reason

SUFFIX = ".geojson"
_MOST_BYTES = 2**30
_FOUND, _BY_HAND = ("detection", "cell"), "annotation"
_NO_CELLS = ("tile", "tma core", "tma_core", "root")
_MOST_TIMES = 4  # an annotation of more times the largest detection's pixels is no cell that was missed


def read(path: Path, size: tuple[int, int]) -> Drawn:
    """Draw every cell; a pixel belongs to it if its centre lies inside, as in QuPath.

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
        is_ignored: whether its class says that it is no cell.
    """

    kind: object
    is_ignored: bool
    rings: list[Ring]


def _drawn(shapes: Sequence[_Shape], size: tuple[int, int]) -> Drawn:
    cells = [one for one in shapes if one.kind not in _NO_CELLS and not one.is_ignored]
    by_hand = [one for one in cells if one.kind == _BY_HAND]
    found = [one for one in cells if one.kind in _FOUND]
    areas = _areas(by_hand, found, size)
    canvas = Canvas(size)
    for one in cells:
        if id(one) not in areas:
            canvas.draw(one.rings)
    n_areas = len(shapes) - len(cells) + len(areas)
    return replace(canvas.drawn(), n_areas=n_areas, n_beside=len(by_hand) - len(areas) if found else 0)


def _areas(by_hand: Sequence[_Shape], found: Sequence[_Shape], size: tuple[int, int]) -> set[int]:
    """Give the ids of annotations that are areas: around a detection or two annotations, or larger than any cell."""
    if not by_hand:
        return set()
    drawn = [boxed(one.rings, size) for one in by_hand]
    cells = [boxed(one.rings, size) for one in found] or drawn
    corners = np.array([[side for span in box for side in (span.start, span.stop)] for box, _ in cells])
    areas_px = np.array([mask.sum() for _, mask in cells])
    largest_px = _MOST_TIMES * areas_px.max() if found else np.inf
    areas = set()
    for one, (box, mask) in zip(by_hand, drawn, strict=True):
        is_within = (corners[:, ::2] >= [span.start for span in box]).all(1)
        is_within &= (corners[:, 1::2] <= [span.stop for span in box]).all(1) & (areas_px > 0)
        held = (at for at in np.flatnonzero(is_within) if cells[at][1] is not mask and _holds((box, mask), cells[at]))
        n_held = sum(1 for _ in islice(held, 1 if found else 2))
        if n_held == (1 if found else 2) or mask.sum() > largest_px:
            areas.add(id(one))
    return areas


def _holds(outer: Boxed, inner: Boxed) -> bool:
    """Tell whether all pixels of one lie in the other, whose box they are in."""
    (box, mask), (of_inner, pixels) = outer, inner
    rows, columns = (
        slice(span.start - around.start, span.stop - around.start) for span, around in zip(of_inner, box, strict=True)
    )
    return bool(mask[rows, columns][pixels].all())


def _shapes(said: object) -> Iterator[_Shape]:
    """Give each feature of a collection, of a list of features, or of one."""
    if isinstance(said, list):
        for one in said:
            yield from _shapes(one)
    elif isinstance(said, dict) and said.get("type") == "FeatureCollection":
        yield from _shapes(said["features"])
    elif isinstance(said, dict) and said.get("type") == "Feature":
        words = said.get("properties") or {}
        yield _Shape(words.get("objectType"), _is_ignored(words.get("classification")), _rings(said["geometry"]))
    else:
        raise ValueError("it holds something else than features")


def _is_ignored(classification: object) -> bool:
    """Tell whether a class is one of those that QuPath ignores, such as Region* and Ignore*."""
    named = classification.get("name") if isinstance(classification, dict) else classification
    if named is None and isinstance(classification, dict):
        named = (classification.get("names") or [None])[-1]  # of a class in parts
    return isinstance(named, str) and named.endswith("*")


def _rings(geometry: dict[str, object] | None) -> list[Ring]:
    if geometry is None:
        raise ValueError("a feature has no geometry")
    kind, coordinates = geometry["type"], geometry.get("coordinates")
    if kind not in ("Polygon", "MultiPolygon") or not isinstance(coordinates, list):
        raise ValueError(f"it holds a {kind}, which is no area")
    polygons = [coordinates] if kind == "Polygon" else coordinates
    return [np.array(ring, np.float64)[:, 1::-1] for polygon in polygons for ring in polygon]
