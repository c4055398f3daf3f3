"""Labels beside their image: where they belong, in its version, again the same, and never in the place of others'."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from lab_engines import Bright, spots
from lab_jobs import content, predicted
from zarr_images import say, write_plate, write_zarr

from cellprune.errors import CellpruneError, WorkError
from cellprune.images.omezarr import labels as image_labels
from cellprune.images.omezarr import metadata
from cellprune.images.read import resize_labels
from cellprune.lab.axes import Axes
from cellprune.lab.inputs import find
from cellprune.machine.shard import Shard

FILM = np.stack([np.stack([spots(cells=[(5, 5, 10, 12)][:n]), spots()]) for n in (1, 1, 1)])  # T, Z, Y, X


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_they_are_those_of_the_tiff_in_the_version_of_the_image(version: str, tmp_path: Path) -> None:
    pixels = np.moveaxis(FILM[:, :, None], 4, 3)  # T, Z, C, X, Y
    path = write_zarr(tmp_path / "a.ome.zarr", pixels, "tzcxy", version=version, scale=(1, 2, 1, 0.25, 0.5))
    predicted(path, tmp_path / "out", axes=Axes(1), z="1", zarr_labels="cells")
    made = zarr.open_group(str(path / "labels" / "cells"), mode="r")
    said = made.attrs["ome"] if version == "0.5" else dict(made.attrs)
    (multiscale,) = said["multiscales"]
    assert [(axis["name"], axis["type"]) for axis in multiscale["axes"]] == [
        ("t", "time"), ("z", "space"), ("x", "space"), ("y", "space"),
    ]  # fmt: skip
    assert multiscale["datasets"][0]["coordinateTransformations"] == [{"type": "scale", "scale": [1, 2, 0.25, 0.5]}]
    assert said["image-label"]["source"] == {"image": "../../"}
    assert made["0"].dtype == np.uint32
    assert made["0"].chunks == (1, 1, 50, 40)
    assert np.array_equal(made["0"][:, 1], tifffile.imread(tmp_path / "out/labels/a.ome.tif").transpose(0, 2, 1))
    assert not made["0"][:, 0].any()
    listed = zarr.open_group(str(path / "labels"), mode="r").attrs
    assert (listed["ome"] if version == "0.5" else listed)["labels"] == ["cells"]
    assert len(find([str(path)], Axes(1))[0]) == 3, "the image is read as before"


def test_they_have_the_levels_of_the_image_and_no_label_is_mixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_labels, "_CHUNK", 30)
    monkeypatch.setattr(image_labels, "BAND_PX", 40)
    film = np.stack([spots(), spots(cells=[(5, 5, 10, 12)])])
    smaller = [film[:1, ::2, ::2], film[:1, :13, :10]]  # moments are left out, too, and sides are no halves
    path = write_zarr(tmp_path / "a.zarr", film, "tyx", scale=(1, 0.5, 0.5), smaller=smaller)
    predicted(path, tmp_path / "out", zarr_labels="cells")
    labels = zarr.open_group(str(path / "labels/cells"), mode="r")
    words = metadata.read(path / "labels/cells")[0].multiscales[0]
    assert [one.path for one in words.datasets] == ["0", "1", "2"]
    assert [one.coordinate_transformations[0].scale for one in words.datasets] == [
        [1, 0.5, 0.5], [1, 1, 1], [1, 2, 2]
    ]  # fmt: skip
    whole = tifffile.imread(tmp_path / "out/labels/a.tif")
    assert np.array_equal(labels["0"], whole)
    for number, level in enumerate(smaller, 1):
        assert labels[str(number)].shape == level.shape
        assert np.array_equal(labels[str(number)][0], resize_labels(whole[1], level.shape[1:])), "the second moment"
    short = write_zarr(tmp_path / "short.zarr", film[0], scale=(0.5,), smaller=[film[0, ::2, ::2]])
    predicted(short, tmp_path / "other", zarr_labels="cells")
    words = metadata.read(short / "labels/cells")[0].multiscales[0]
    assert [one.coordinate_transformations[0].scale for one in words.datasets] == [[1, 1], [2, 2]], "not the image's"
    before = content(path)
    for name in ("1", "2"):  # as labels of an older version are, and of a killed one
        shutil.rmtree(path / "labels/cells" / name)
    predicted(path, tmp_path / "out", zarr_labels="cells")
    assert content(path) == before
    shutil.rmtree(path / "2")
    predicted(path, tmp_path / "out", zarr_labels="others")
    assert sorted(zarr.open_group(str(path / "labels/others"), mode="r").array_keys()) == ["0", "1"]


def test_labels_of_all_slices_have_none_and_the_same_again_changes_no_byte(tmp_path: Path) -> None:
    path = write_zarr(tmp_path / "a.zarr", FILM, "tzyx")
    predicted(path, tmp_path / "out", axes=Axes("max"), z="max")
    before = content(path)
    predicted(path, tmp_path / "out", axes=Axes("max"), z="max", zarr_labels="cells")
    made = content(path)
    assert {name: made[name] for name in before} == before, "the image is as it was"
    array = zarr.open_array(str(path / "labels/cells/0"), mode="r")
    assert np.array_equal(array[...], tifffile.imread(tmp_path / "out/labels/a.tif"))
    engine = Bright()
    assert predicted(path, tmp_path / "out", engine, axes=Axes("max"), z="max", zarr_labels="cells").kept == 3
    assert content(path) == made
    shutil.rmtree(path / "labels/cells/0/1")  # a killed writer
    (path / "labels/cells/0/.zarray").unlink()
    predicted(path, tmp_path / "out", engine, axes=Axes("max"), z="max", zarr_labels="cells")
    assert content(path) == made
    assert engine.seen == []


def test_labels_of_something_else_are_never_touched(tmp_path: Path) -> None:
    path = write_zarr(tmp_path / "a.zarr", spots())
    write_zarr(path / "labels" / "cells", spots())
    say(path / "labels", {"labels": ["cells"]})
    before = content(tmp_path)
    with pytest.raises(CellpruneError, match=r"labels.cells is there, made by another model, .*: give another name as"):
        predicted(path, tmp_path / "out", zarr_labels="cells")
    with pytest.raises(CellpruneError, match=r"--zarr-labels '\.\./a': give a name of letters"):
        predicted(path, tmp_path / "out", zarr_labels="../a")
    assert content(tmp_path) == before
    predicted(path, tmp_path / "out", zarr_labels="ours")
    assert json.loads((path / "labels" / ".zattrs").read_text())["labels"] == ["cells", "ours"]
    with pytest.raises(CellpruneError, match="made by another model, with other options or by another program"):
        predicted(path, tmp_path / "other", model="1" * 64, zarr_labels="ours")


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_what_others_say_of_the_labels_of_an_image_stays(version: str, tmp_path: Path) -> None:
    path = write_zarr(tmp_path / "a.zarr", spots(), version=version)
    say(path / "labels", {"labels": ["nuclei"], "note": "by hand"}, version)
    if version == "0.5":
        said = json.loads((path / "labels/zarr.json").read_text())
        said["attributes"]["viewer"] = {"opacity": 0.5}  # beside the words of the specification
        (path / "labels/zarr.json").write_text(json.dumps(said))
    before = dict(zarr.open_group(str(path / "labels"), mode="r").attrs)
    predicted(path, tmp_path / "out", zarr_labels="cells")
    listed = {"labels": ["nuclei", "cells"]}
    after = dict(zarr.open_group(str(path / "labels"), mode="r").attrs)
    assert after == before | (listed if version == "0.4" else {"ome": before["ome"] | listed})


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.filterwarnings("ignore:Consolidated metadata")
def test_labels_are_found_where_the_metadata_of_an_image_are_consolidated(version: str, tmp_path: Path) -> None:
    path = write_zarr(tmp_path / "a.zarr", spots(), version=version, scale=(0.5, 0.5))
    zarr.consolidate_metadata(str(path), zarr_format=2 if version == "0.4" else 3)
    said = dict(zarr.open_group(str(path), mode="r").attrs)
    predicted(path, tmp_path / "out", zarr_labels="cells")
    opened = zarr.open_consolidated(str(path), mode="r", zarr_format=2 if version == "0.4" else 3)
    assert np.array_equal(opened["labels/cells/0"][...], tifffile.imread(tmp_path / "out/labels/a.tif"))
    assert dict(opened.attrs) == said
    before = content(path)
    predicted(path, tmp_path / "out", zarr_labels="cells")
    assert content(path) == before


def test_a_damaged_list_of_labels_is_refused_before_any_work(tmp_path: Path) -> None:
    path = write_zarr(tmp_path / "a.zarr", spots())
    say(path / "labels", {"labels": "nuclei"})
    before = content(tmp_path)
    with pytest.raises(CellpruneError, match=r"labels has damaged metadata \(labels: no list of names\): mend or"):
        predicted(path, tmp_path / "out", zarr_labels="cells")
    assert content(tmp_path) == before


def test_without_an_ome_zarr_there_is_nothing_to_write_beside(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", spots())
    with pytest.raises(CellpruneError, match="--zarr-labels cells: no image lies in an OME-Zarr: remove the option"):
        predicted(tmp_path / "a.tif", tmp_path / "out", zarr_labels="cells")


def test_shards_of_a_plate_write_their_own_fields(tmp_path: Path) -> None:
    whole = write_plate(tmp_path / "a" / "p.zarr", {"A/1": [spots(), spots()], "B/2": [spots()]})
    parts = shutil.copytree(whole, tmp_path / "b" / "p.zarr")
    predicted(whole, tmp_path / "whole", zarr_labels="cells")
    done = [predicted(parts, tmp_path / "out", shard=Shard(n, 2), zarr_labels="cells").images for n in (1, 2)]
    assert [[one["name"] for one in images] for images in done] == [["p_A_1_0", "p_B_2_0"], ["p_A_1_1"]]
    assert content(parts) == content(whole)


def test_an_ome_zarr_that_cannot_be_written_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*words: object, **named: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(image_labels, "create", full)
    path = write_zarr(tmp_path / "a.zarr", spots())
    with pytest.raises(WorkError, match=r"No space left on device.*: 0 of 1 images are done and kept"):
        predicted(path, tmp_path / "out", zarr_labels="cells")


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_ome_zarr_itself_reads_them_at_all_sizes(version: str, tmp_path: Path) -> None:
    reader = pytest.importorskip("ome_zarr.reader")
    from ome_zarr.io import parse_url

    path = write_zarr(tmp_path / "a.zarr", spots(), version=version, scale=(0.5, 0.5), smaller=[spots()[::2, ::2]])
    predicted(path, tmp_path / "out", zarr_labels="cells")
    nodes = list(reader.Reader(parse_url(str(path)))())
    (node,) = [one for one in nodes if "cells" in str(one.zarr)]
    assert np.array_equal(np.asarray(node.data[0]), tifffile.imread(tmp_path / "out/labels/a.tif"))
    assert [level.shape for level in node.data] == [level.shape for level in nodes[0].data] == [(40, 50), (20, 25)]
    assert node.metadata["coordinateTransformations"] == nodes[0].metadata["coordinateTransformations"]
    assert any("Label" in type(spec).__name__ for spec in node.specs)
