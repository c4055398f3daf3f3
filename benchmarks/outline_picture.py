"""The picture on the page of QuPath: what a GeoJSON of `predict --outlines geojson` holds, drawn on its image.

    cellprune predict dense.onnx t008.tif -o predicted --outlines geojson
    python benchmarks/outline_picture.py t008.tif predicted/outlines/t008.geojson docs/pictures/qupath.png

The file alone is drawn, as RFC 7946 has it, by nothing that cellprune writes it with: the whole image, and enlarged the
part around the two cells that are nearest to each other. The network and the image are those of `napari_picture.py`.
"""

import json
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image, ImageDraw

Polygon = list[list[list[float]]]  # rings of corners, across before down
ENLARGED, CLOSE, SIDE = 3, 12, 48  # pictures' pixels for one of the image, and the close-up's width in the image
COLOUR = (255, 60, 60)


def main() -> None:
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    image, outlines, picture = map(Path, sys.argv[1:])
    pixels = tifffile.imread(image).astype(float)
    grey = (255 * (pixels - pixels.min()) / np.ptp(pixels)).astype(np.uint8)
    cells = [polygons(feature["geometry"]) for feature in json.loads(outlines.read_text())["features"]]
    height, width = grey.shape
    y, x = (int(np.clip(at - SIDE / 2, 0, side - SIDE)) for at, side in zip(nearest(cells), grey.shape, strict=True))
    whole = drawn(grey, cells, (0, 0), ENLARGED)
    close = drawn(grey[y : y + SIDE, x : x + SIDE], cells, (y, x), CLOSE)
    frame = [side * ENLARGED for side in (x, y, x + SIDE, y + SIDE)]
    ImageDraw.Draw(whole).rectangle(frame, outline=(255, 255, 255), width=2)
    both = Image.new("RGB", (whole.width + 12 + close.width, max(whole.height, close.height)), "white")
    both.paste(whole, (0, 0))
    both.paste(close, (whole.width + 12, 0))
    both.quantize(64).save(picture, optimize=True)
    print(f"{len(cells)} cells, {height} x {width} px, {picture.stat().st_size} bytes")


def polygons(geometry: dict[str, object]) -> list[Polygon]:
    """Give the polygons of a cell, one for each of its pieces."""
    corners = geometry["coordinates"]
    assert isinstance(corners, list)
    return corners if geometry["type"] == "MultiPolygon" else [corners]


def nearest(cells: list[list[Polygon]]) -> tuple[float, float]:
    """Give the middle (y, x) of the two corners of different cells that lie nearest to each other."""
    points = [np.array([corner for polygon in cell for ring in polygon for corner in ring]) for cell in cells]
    gaps = []
    for one, other in combinations(points, 2):
        apart = np.linalg.norm(one[:, None] - other[None], axis=-1)
        at, beside = np.unravel_index(apart.argmin(), apart.shape)
        gaps.append((apart.min(), *((one[at] + other[beside]) / 2)))
    _, x, y = min(gaps)
    return y, x


def drawn(grey: np.ndarray, cells: list[list[Polygon]], corner: tuple[int, int], enlarged: int) -> Image.Image:
    """Enlarge an image, and draw on it what lies from this (y, x) on."""
    shown = Image.fromarray(grey).resize((grey.shape[1] * enlarged, grey.shape[0] * enlarged), Image.Resampling.NEAREST)
    shown = shown.convert("RGB")
    pen = ImageDraw.Draw(shown)
    for cell in cells:
        for polygon in cell:
            for ring in polygon:
                pen.line([((x - corner[1]) * enlarged, (y - corner[0]) * enlarged) for x, y in ring], COLOUR, width=2)
    return shown


if __name__ == "__main__":
    main()
