"""ROIs and GeoJSON: what other programs read of them is the label image, pixel by pixel."""

import io
import json
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from lab_engines import Bright, spots
from lab_jobs import content, predicted
from PIL import Image, ImageDraw
from roifile import ROI_TYPE, ImagejRoi

from cellprune.errors import CellpruneError
from cellprune.lab import geojson_file, roi_file
from cellprune.lab.axes import Axes
from cellprune.lab.inputs import find
from cellprune.lab.position import Position

label_images = arrays(np.uint16, array_shapes(min_dims=2, max_dims=2, max_side=7), elements=st.integers(0, 3))


def drawn(rings: Iterable[np.ndarray], size: tuple[int, int]) -> np.ndarray:
    """Fill rings of corners (x, y) by another library: each alone, and what two cover is a hole."""
    mask = np.zeros(size, bool)
    for ring in rings:
        # drawn three times as large, where the middle of every pixel lies inside or outside, never on a line
        large = Image.new("1", (3 * size[1] + 3, 3 * size[0] + 3))
        ImageDraw.Draw(large).polygon([(3 * x, 3 * y) for x, y in np.asarray(ring).tolist()], fill=1, outline=0)
        mask ^= np.array(large)[1::3, 1::3][: size[0], : size[1]]
    return mask


def rois_of(packed: bytes) -> list[ImagejRoi]:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        return [ImagejRoi.frombytes(archive.read(name)) for name in archive.namelist()]


def named(labels: np.ndarray) -> list[str]:
    return ["background", *["cell"] * int(labels.max(initial=0))]


@settings(max_examples=60, deadline=None)
@given(label_images)
def test_rois_give_the_label_image_back(labels: np.ndarray) -> None:
    again = np.zeros_like(labels)
    for roi in rois_of(roi_file.as_bytes(labels, named(labels), None)):
        again[drawn(roi.coordinates(multi=True), labels.shape)] = int(roi.name.split("-")[0])
    assert np.array_equal(again, labels)


@settings(max_examples=60, deadline=None)
@given(label_images)
def test_geojson_gives_the_label_image_back(labels: np.ndarray) -> None:
    again = np.zeros_like(labels)
    said = json.loads(geojson_file.as_bytes(labels, named(labels), None))
    for feature in said["features"]:
        geometry = feature["geometry"]
        polygons = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
        for ring in (ring for polygon in polygons for ring in polygon):
            assert ring[0] == ring[-1]
        again[drawn([np.array(ring) for one in polygons for ring in one], labels.shape)] = feature["properties"]["name"]
    assert np.array_equal(again, labels)


def test_a_plain_cell_is_traced_one_with_a_hole_is_composite_and_a_moment_is_known() -> None:
    labels = np.zeros((6, 9), np.uint16)
    labels[1:4, 1:4], labels[1:6, 5:9], labels[3, 7] = 1, 2, 0
    first, second = rois_of(roi_file.as_bytes(labels, ["background", "cell", "debris"], Position(t=4)))
    assert (first.roitype, first.name, first.position) == (ROI_TYPE.TRACED, "0001-cell", 5)
    assert (first.top, first.left, first.bottom, first.right) == (1, 1, 4, 4)
    assert (second.roitype, second.composite, second.name) == (ROI_TYPE.RECT, True, "0002-debris")
    (_, feature) = json.loads(geojson_file.as_bytes(labels, ["background", "cell", "debris"], Position(2, 4)))[
        "features"
    ]
    assert feature["geometry"]["plane"] == {"c": -1, "z": 2, "t": 4}
    assert feature["properties"]["classification"] == {"name": "debris"}
    assert len(feature["geometry"]["coordinates"]) == 2
    with pytest.raises(CellpruneError, match="ROIs hold coordinates up to 32,767 px: give --outlines geojson"):
        roi_file.as_bytes(np.zeros((1, 40_000), np.uint16), ["background"], None)


@pytest.mark.parametrize(
    ("sizes", "asked", "of_roi", "of_qupath"),
    [
        ({"T": 2}, Axes(), [(1, 0, 0, 0), (2, 0, 0, 0)], [(0, 0), (0, 1)]),
        ({"Z": 2}, Axes("each"), [(1, 0, 0, 0), (2, 0, 0, 0)], [(0, 0), (1, 0)]),
        ({"Z": 3}, Axes(1), [(2, 0, 0, 0)], [(1, 0)]),
        ({"T": 2, "Z": 3, "C": 2}, Axes(1, 0), [(0, 0, 2, 1), (0, 0, 2, 2)], [(1, 0), (1, 1)]),
        ({"T": 2, "Z": 3}, Axes("max"), [(0, 0, 0, 1), (0, 0, 0, 2)], [(0, 0), (0, 1)]),
        ({"T": 2, "C": 3}, Axes(channel=0), [(0, 0, 0, 1), (0, 0, 0, 2)], [(0, 0), (0, 1)]),
    ],
)
def test_outlines_lie_on_the_slice_and_the_moment_that_they_are_of(
    sizes: dict[str, int], asked: Axes, of_roi: list, of_qupath: list, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(0).integers(0, 99, (*sizes.values(), 6, 7)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", pixels, imagej=True, metadata={"axes": f"{''.join(sizes)}YX"})
    positions = [image.position for image in find([str(tmp_path / "a.tif")], asked)[0]]
    labels = np.eye(6, 7, dtype=np.uint16)
    rois = [rois_of(roi_file.as_bytes(labels, named(labels), position))[0] for position in positions]
    assert [(roi.position, roi.c_position, roi.z_position, roi.t_position) for roi in rois] == of_roi
    said = [json.loads(geojson_file.as_bytes(labels, named(labels), position))["features"][0] for position in positions]
    planes = [feature["geometry"]["plane"] for feature in said]
    assert [(plane["z"], plane["t"]) for plane in planes] == of_qupath


def test_outlines_are_made_later_too_and_anew_where_an_image_changed(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    film = write("film.tif", np.stack([spots(), spots()]), photometric="minisblack")
    out = tmp_path / "out"
    predicted(film, out)
    engine = Bright()
    predicted(film, out, engine, outlines=("rois", "geojson"))
    assert engine.seen == [], "of labels that are there"
    names = [f"outlines/film_t00{t}.{end}" for t in (0, 1) for end in ("geojson", "zip")]
    before = content(out)
    assert sorted(name for name in before if name.startswith("outlines")) == names
    predicted(film, out, outlines=("rois", "geojson"))
    assert content(out) == before
    write("film.tif", np.stack([spots(), spots(cells=[(3, 3, 5, 5)])]), photometric="minisblack")
    predicted(film, out, outlines=("rois", "geojson"))
    assert len(rois_of((out / names[3]).read_bytes())) == tifffile.imread(out / "labels/film.tif")[1].max() == 1
    (out / "outlines/mine.zip").touch()
    with pytest.raises(CellpruneError, match=r"holds 'outlines/mine\.zip', which is not a result"):
        predicted(film, out)
