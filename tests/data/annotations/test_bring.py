"""`data import`: every format gives the label image that was drawn, pixel by pixel, or one line and nothing."""

import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from command_line import typed
from numpy.typing import NDArray
from roifile import ROI_TYPE, ImagejRoi
from tiff_pages import predictors

from cellprune.data.annotations.bring import bring
from cellprune.data.annotations.canvas import AnnotationError
from cellprune.errors import CellpruneError
from cellprune.lab import geojson_file, roi_file

SIZE = (12, 15)
LABELS = np.zeros(SIZE, np.uint16)
LABELS[0:4, 0:5] = 1  # at the border
LABELS[6:11, 2:8], LABELS[8, 4] = 2, 0  # with a hole
LABELS[1, 9], LABELS[2, 10] = 3, 3  # two pieces that touch in a corner
LABELS[11, 14] = 4  # one pixel
LABELS[6:9, 9:12], LABELS[7, 10] = 5, 6  # a cell within another
NAMES = ["background", *["cell"] * 6]
IMAGE = np.random.default_rng(0).integers(0, 255, SIZE, np.uint8)


def as_cellpose(folder: Path, labels: NDArray) -> None:
    content = {
        "masks": labels,
        "outlines": labels > 0,
        "filename": "a.tif",
        "diameter": np.float32(30),
        "flows": [None],
    }
    np.save(folder / "a_seg.npy", content, allow_pickle=True)


def as_rois(folder: Path, labels: NDArray) -> None:
    (folder / "RoiSet_a.zip").write_bytes(roi_file.as_bytes(labels, NAMES, None))


def as_geojson(folder: Path, labels: NDArray) -> None:
    (folder / "truth").mkdir()
    (folder / "truth/a.geojson").write_bytes(geojson_file.as_bytes(labels, NAMES, None))


def run_lengths(mask: NDArray) -> list[int]:
    columns = mask.T.ravel()
    ends = np.flatnonzero(np.diff(columns, prepend=False, append=~columns[-1]))
    return np.diff(ends, prepend=0).tolist()


def packed(lengths: list[int]) -> str:
    """As pycocotools writes them."""
    text = ""
    for at, length in enumerate(lengths):
        value = length - (lengths[at - 2] if at > 2 else 0)
        more = True
        while more:
            bits, value = value & 0x1F, value >> 5
            more = value != -1 if bits & 0x10 else value != 0
            text += chr((bits | (0x20 if more else 0)) + 48)
    return text


def as_coco(
    folder: Path, labels: NDArray, *, pack: Callable[[list[int]], object] = list, height: int | None = None
) -> None:
    cells = [
        {"image_id": 7, "segmentation": {"size": list(labels.shape), "counts": pack(run_lengths(labels == n))}}
        for n in range(1, int(labels.max()) + 1)
    ]
    said = {"images": [{"id": 7, "file_name": "train/a.tif", "height": height}], "annotations": cells, "categories": []}
    (folder / "instances.json").write_text(json.dumps(said))


def as_packed_coco(folder: Path, labels: NDArray) -> None:
    as_coco(folder, labels, pack=packed)


def as_masks(folder: Path, labels: NDArray) -> None:
    (folder / "images").mkdir()
    (folder / "a.tif").rename(folder / "images/a.tif")
    (folder / "masks/a").mkdir(parents=True)
    for n in range(1, int(labels.max()) + 1):
        tifffile.imwrite(folder / f"masks/a/{n}.tif", np.where(labels == n, 255, 0).astype(np.uint8), metadata=None)


def as_bowl(folder: Path, labels: NDArray) -> None:
    as_masks(folder, labels)
    (folder / "a").mkdir()
    (folder / "images").rename(folder / "a/images")
    (folder / "masks/a").rename(folder / "a/masks")
    (folder / "masks").rmdir()


FORMATS = [as_cellpose, as_rois, as_geojson, as_coco, as_packed_coco, as_masks, as_bowl]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    tifffile.imwrite(tmp_path / "in/a.tif", IMAGE, metadata=None)
    return tmp_path / "in"


@pytest.mark.parametrize("write", FORMATS, ids=[write.__name__ for write in FORMATS])
def test_the_label_image_is_the_one_that_was_drawn(write: Callable, source: Path, tmp_path: Path) -> None:
    write(source, LABELS)
    made = bring(source, tmp_path / "out")
    assert np.array_equal(tifffile.imread(tmp_path / "out/labels/a.tif"), LABELS)
    assert np.array_equal(tifffile.imread(tmp_path / "out/images/a.tif"), IMAGE)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["images", "labels"]
    assert (made.images, made.cells, made.notes) == (1, 6, ())
    assert predictors(tmp_path / "out/labels") == {1}, "ImageJ reads no others rightly"


def test_of_images_with_one_name_the_one_beside_the_annotations_is_taken(source: Path, tmp_path: Path) -> None:
    as_cellpose(source, LABELS)
    (source / "other").mkdir()
    tifffile.imwrite(source / "other/a.tif", 255 - IMAGE, metadata=None)
    made = bring(source, tmp_path / "out")
    assert np.array_equal(tifffile.imread(tmp_path / "out/images/a.tif"), IMAGE)
    assert made.notes == ("1 image without annotations left out, first other/a.tif",)


def test_the_command_says_what_it_made_and_what_a_label_image_cannot_hold(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tifffile.imwrite(source / "b.tif", IMAGE, metadata=None)
    square = [[[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]]
    features = [
        {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": one}, "properties": {}}
        for one in (
            square,
            square,
            [[[13, 9], [18, 9], [18, 11], [13, 11]]],
            [[[3.4, 3.4], [8.6, 3.4], [8.6, 8.6]]],
            [[[90, 90], [99, 90], [99, 99]]],
        )
    ]
    (source / "a.geojson").write_text(json.dumps(features))
    out = tmp_path / "out"
    assert typed("data", "import", source, "-o", out) == 0
    told = capsys.readouterr()
    assert f"3 cells in 1 image, now in {out}" in told.out
    assert "note: a.geojson, a.tif: 1 cell with a part outside the image: cut at its border" in told.err
    assert "note: a.geojson, a.tif: 17 pixels of several cells: the last of them has each" in told.err
    assert "note: a.geojson, a.tif: 2 cells without a pixel of its own: left out" in told.err
    assert "note: 1 image without annotations left out, first b.tif" in told.err
    assert typed("data", "import", source, "-o", out) == 2
    assert f"{out} is there already and not empty: name a new folder" in capsys.readouterr().err


def test_a_crowd_is_ignored_and_parts_of_a_polygon_do_not_cut_each_other_out(source: Path, tmp_path: Path) -> None:
    crowd = np.zeros(SIZE, bool)
    crowd[:, 12:] = True
    cells = [
        {"image_id": 1, "iscrowd": 0, "segmentation": [[0, 0, 4, 0, 4, 4, 0, 4], [2, 0, 6, 0, 6, 4, 2, 4]]},
        {"image_id": 1, "iscrowd": 1, "segmentation": {"size": list(SIZE), "counts": run_lengths(crowd)}},
        {"image_id": 1, "iscrowd": 1, "segmentation": [[7, 6, 9, 6, 9, 11, 7, 11]]},
    ]
    said = {"images": [{"id": 1, "file_name": "a.tif"}], "annotations": cells}
    (source / "coco.json").write_text(json.dumps(said))
    crowd[6:11, 7:9] = True
    bring(source, tmp_path / "out")
    labels = tifffile.imread(tmp_path / "out/labels/a.tif")
    assert (labels[:4, :6] == 1).all()
    assert labels.sum() == 24
    assert np.array_equal(tifffile.imread(tmp_path / "out/ignore/a.tif") == 255, crowd)


def test_coco_cells_go_to_the_image_that_they_name(source: Path, tmp_path: Path) -> None:
    as_coco(source, LABELS)
    for name, pixels in (("train", IMAGE), ("val", 255 - IMAGE)):
        (source / name).mkdir()
        tifffile.imwrite(source / name / "a.tif", pixels, metadata=None)
    (source / "a.tif").unlink()
    bring(source, tmp_path / "out")
    assert np.array_equal(tifffile.imread(tmp_path / "out/images/a.tif"), IMAGE)
    said = {"images": [{"id": n, "file_name": f"{n}/a.tif"} for n in (1, 2)], "annotations": []}
    (source / "instances.json").write_text(json.dumps(said))
    (source / "val").rename(source / "images")
    with pytest.raises(AnnotationError, match=r"names '1/a\.tif' and '2/a\.tif', but of the two only .* is there: add"):
        bring(source, tmp_path / "other")


def test_polygons_of_coco_may_round_beyond_the_border_but_a_part_outside_is_told(source: Path, tmp_path: Path) -> None:
    cells = [
        {"image_id": 1, "segmentation": [[-0.5, 0, 4, 0, 4, 4, -0.5, 4]]},
        {"image_id": 1, "segmentation": [[12, 9, 19, 9, 19, 12, 12, 12]]},
    ]
    said = {"images": [{"id": 1, "file_name": "a.tif", "height": 12, "width": 15}], "annotations": cells}
    (source / "coco.json").write_text(json.dumps(said))
    made = bring(source, tmp_path / "out")
    assert made.notes == ("coco.json, a.tif: 1 cell with a part outside the image: cut at its border",)
    assert made.cells == 2


def test_an_annotation_around_detections_is_an_area_and_one_beside_them_a_cell(source: Path, tmp_path: Path) -> None:
    as_geojson(source, LABELS)
    path = source / "truth/a.geojson"
    said = json.loads(path.read_text())
    drawn = {"area": [[0, 0], [9, 0], [9, 12], [0, 12]], "cell": [[12, 0], [15, 0], [15, 3], [12, 3]]}
    drawn["across"] = [[7, 9], [9, 9], [9, 11], [7, 11]]  # over a part of a detection
    said["features"] = [
        *said["features"],
        *(
            {
                "type": "Feature",
                "geometry": {"type": "Polygon", "coordinates": [corners]},
                "properties": {"objectType": "annotation"},
            }
            for corners in drawn.values()
        ),
    ]
    path.write_text(json.dumps(said))
    made = bring(source, tmp_path / "out")
    expected = LABELS.copy()
    expected[0:3, 12:15], expected[9:11, 7:9] = 7, 8
    assert np.array_equal(tifffile.imread(tmp_path / "out/labels/a.tif"), expected)
    assert made.notes == (
        "a.geojson, a.tif: 2 pixels of several cells: the last of them has each",
        "a.geojson, a.tif: 1 area around cells, or of a class such as Region*: left out as no cell",
        "a.geojson, a.tif: 2 annotations beside detections: taken for 2 cells; give what is none the class Region* in "
        "QuPath",
    )


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("annotation", {"classification": {"name": "Region*", "color": [0, 0, 180]}}),
        ("annotation", {"classification": "Ignore*"}),
        ("annotation", {"classification": {"names": ["Tumor", "Ignore*"]}}),
        ("detection", {"classification": {"name": "Region*"}}),
        ("tile", {}),
        ("tma core", {}),
        ("annotation", {}),  # around two cells
    ],
)
@pytest.mark.parametrize("cells", ["detection", "annotation"])
def test_what_is_no_cell_in_qupath_is_left_out(
    kind: str, words: dict, cells: str, source: Path, tmp_path: Path
) -> None:
    as_geojson(source, LABELS)
    path = source / "truth/a.geojson"
    said = json.loads(path.read_text().replace('"detection"', f'"{cells}"'))
    area = {"type": "Polygon", "coordinates": [[[0, 0], [15, 0], [15, 12], [0, 12]]]}
    feature = {"type": "Feature", "geometry": area, "properties": {"objectType": kind, **words}}
    for at in (0, len(said["features"])):  # drawn before its cells, or after them
        features = [*said["features"][:at], feature, *said["features"][at:]]
        path.write_text(json.dumps(said | {"features": features}))
        made = bring(source, tmp_path / f"out {at}")
        assert np.array_equal(tifffile.imread(tmp_path / f"out {at}" / "labels/a.tif"), LABELS)
        assert made.notes == (
            "a.geojson, a.tif: 1 area around cells, or of a class such as Region*: left out as no cell",
        )


def test_an_empty_area_beside_detections_is_told_by_its_size(source: Path, tmp_path: Path) -> None:
    labels = np.zeros_like(LABELS)
    labels[1:3, 1:3] = 1
    as_geojson(source, labels)
    path = source / "truth/a.geojson"
    said = json.loads(path.read_text())
    area = {"type": "Polygon", "coordinates": [[[5, 3], [10, 3], [10, 7], [5, 7]]]}
    said["features"].append({"type": "Feature", "geometry": area, "properties": {"objectType": "annotation"}})
    path.write_text(json.dumps(said))
    bring(source, tmp_path / "out")
    assert np.array_equal(tifffile.imread(tmp_path / "out/labels/a.tif"), labels)


def test_numbers_with_gaps_stay_and_are_not_counted_as_cells(source: Path, tmp_path: Path) -> None:
    labels = np.where(LABELS == 4, 70_000, LABELS)
    as_cellpose(source, labels)
    assert bring(source, tmp_path / "out").cells == 6
    assert np.array_equal(tifffile.imread(tmp_path / "out/labels/a.tif"), labels)


def test_an_image_whose_folder_of_masks_is_empty_is_named(source: Path, tmp_path: Path) -> None:
    as_bowl(source, LABELS)
    (source / "b/masks").mkdir(parents=True)
    (source / "b/images").mkdir()
    tifffile.imwrite(source / "b/images/b.tif", IMAGE, metadata=None)
    made = bring(source, tmp_path / "out")
    assert made.notes == ("1 image without annotations left out, first b/images/b.tif",)
    assert made.images == 1


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("run",)


def roi(kind: ROI_TYPE) -> bytes:
    made = ImagejRoi(roitype=kind, top=1, left=1, bottom=5, right=5, name="one")
    return made.tobytes()


def damaged(kind: str, folder: Path) -> None:
    """Write annotations that cannot be used."""
    if kind == "evil":
        with (folder / "a_seg.npy").open("wb") as file:
            np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
            pickle.dump(Evil(), file)
    elif kind == "array":
        np.save(folder / "a_seg.npy", LABELS)
    elif kind == "smaller":
        as_cellpose(folder, LABELS[:5])
    elif kind == "floats":
        as_cellpose(folder, LABELS.astype(float))
    elif kind == "wrapping":
        as_cellpose(folder, np.where(LABELS == 1, np.uint64(2**32 + 1), LABELS))
    elif kind in ("oval", "point"):
        with zipfile.ZipFile(folder / "a.zip", "w") as archive:
            archive.writestr("one.roi", roi(ROI_TYPE.OVAL if kind == "oval" else ROI_TYPE.POINT))
    elif kind == "no rois":
        with zipfile.ZipFile(folder / "a.zip", "w") as archive:
            archive.writestr("one.roi", b"nothing")
    elif kind == "torn zip":
        (folder / "a.zip").write_bytes(roi_file.as_bytes(LABELS, NAMES, None)[:200])
    elif kind == "lone":
        (folder / "b.geojson").write_bytes(geojson_file.as_bytes(LABELS, NAMES, None))
    elif kind == "point feature":
        (folder / "a.geojson").write_text('{"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}}')
    elif kind == "no geometry":
        (folder / "a.geojson").write_text('{"type": "Feature", "geometry": null}')
    elif kind == "unlisted":
        as_coco(folder, LABELS)
        path = folder / "instances.json"
        path.write_text(path.read_text().replace('"image_id": ', '"image_id": 9'))
    elif kind == "not a number":
        (folder / "a.geojson").write_text(
            '{"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [NaN, 1], [2, 2]]]}}'
        )
    elif kind == "runs":
        as_coco(folder, LABELS[:5])
    elif kind == "other size":
        as_coco(folder, LABELS, height=24)
    elif kind == "two":
        as_cellpose(folder, LABELS)
        as_rois(folder, LABELS)
    elif kind == "mask":
        as_masks(folder, LABELS)
        tifffile.imwrite(folder / "masks/a/9.tif", IMAGE[:5], metadata=None)
    elif kind == "stack":
        tifffile.imwrite(folder / "a.tif", np.stack([IMAGE, IMAGE]), photometric="minisblack", metadata=None)
        as_rois(folder, LABELS)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("evil", r"a_seg.npy is no _seg.npy of Cellpose \(it asks for builtins.print, which is refused\)"),
        ("array", r"a_seg.npy is no _seg.npy of Cellpose \(it is an array, and no file of Cellpose\)"),
        ("smaller", r"has masks of shape \(5, 15\), but its image is 12 x 15 pixels"),
        ("floats", "has masks of float64, which are no numbers of cells"),
        ("wrapping", r"a_seg.npy has labels outside 0..2\^31-1: number the cells from 1"),
        ("oval", r"the ROI 'one.roi' is of the kind oval, whose pixels only ImageJ knows: make it a polygon"),
        ("point", r"the ROI 'one.roi' is of the kind point"),
        ("no rois", "a.zip is no zip of ImageJ's ROIs"),
        ("torn zip", "a.zip is no zip of ImageJ's ROIs"),
        ("lone", "b.geojson belongs to no image: name it like one, such as NAME.geojson"),
        ("point feature", r"a.geojson is no GeoJSON of polygons \(it holds a Point, which is no area\)"),
        ("no geometry", r"a.geojson is no GeoJSON of polygons \(a feature has no geometry\)"),
        ("unlisted", r"no whole COCO file of outlines \(a cell is of the image 9\d+, which is not listed\): export it"),
        ("not a number", r"a.geojson is no GeoJSON of polygons \(a corner is no number\)"),
        ("runs", r"instances.json is no whole COCO file of outlines \(a cell is of an image of \[5, 15\] pixels"),
        ("other size", r"was drawn on 'train/a.tif' with a height of 24 px, but the image has 12: export it for"),
        ("two", "a.tif has two annotations, .*RoiSet_a.zip and a_seg.npy: keep one"),
        ("mask", "9.tif is 5 x 15 pixels, but its image 12 x 15: masks have its size"),
        ("stack", "a.tif is a stack of 2 images: save each as a file of its own"),
        ("nothing", "holds no annotations that are known: NAME_seg.npy"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_line_and_nothing_is_written(
    kind: str, said: str, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged(kind, source)
    with pytest.raises(AnnotationError, match=said) as error:
        bring(source, tmp_path / "out")
    assert "\n" not in str(error.value)
    assert capsys.readouterr().out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_all_faults_are_told_at_once_and_names_clash_in_any_case(source: Path, tmp_path: Path) -> None:
    with pytest.raises(CellpruneError, match="there is no folder"):
        bring(tmp_path / "none", tmp_path / "out")
    for name in ("a", "b"):
        tifffile.imwrite(source / f"{name}.tif", IMAGE, metadata=None)
        (source / f"{name}.zip").write_bytes(b"")
    with pytest.raises(AnnotationError, match=r"a\.zip is no zip .*; .*b\.zip is no zip"):
        bring(source, tmp_path / "out")
    (source / "b.tif").rename(source / "A.tif")
    (source / "b.zip").rename(source / "A.zip")
    with pytest.raises(AnnotationError, match="would both be written under one name: rename one"):
        bring(source, tmp_path / "out")
