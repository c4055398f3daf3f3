"""OME-Zarr: what is read is what was written, in any order of axes; what is damaged is one clear line."""

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from lab_engines import spots
from zarr_images import say, write_plate, write_zarr

from cellprune.errors import CellpruneError
from cellprune.images import sources
from cellprune.images.header import ImageError, chosen
from cellprune.images.omezarr import image, storage
from cellprune.images.source import Member
from cellprune.lab.axes import Axes
from cellprune.lab.inputs import find, notes

SIZES = {"t": 2, "z": 3, "c": 2, "y": 6, "x": 7}
PIXELS = np.random.default_rng(0).integers(0, 1000, tuple(SIZES.values())).astype(np.uint16)


@pytest.mark.parametrize(("order", "version"), [("tzcyx", "0.4"), ("czxyt", "0.4"), ("yxctz", "0.5")])
def test_the_pixels_are_those_of_the_slices_and_the_channel(order: str, version: str, tmp_path: Path) -> None:
    pixels = PIXELS.transpose(["tzcyx".index(axis) for axis in order])
    channels = {"omero": {"channels": [{"label": "DAPI"}, {"label": "actin"}]}}
    path = write_zarr(tmp_path / "a.ome.zarr", pixels, order, version=version, **channels)

    def read(axes: Axes) -> np.ndarray:
        images, failures, _ = find([str(path)], axes)
        assert not failures
        assert [image.name for image in images] == ["a.ome_t000", "a.ome_t001"]
        return np.stack([image.levels(channels=image.header.channels) for image in images])

    assert np.array_equal(read(Axes("max")), PIXELS.max(1))
    assert np.array_equal(read(Axes(1, 0)), PIXELS[:, 1, :1])
    assert np.array_equal(read(Axes("max", "actin", order.upper())), PIXELS[:, :, 1:].max(1))


def test_planes_are_read_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_zarr(tmp_path / "a.zarr", PIXELS, "tzcyx")
    shutil.rmtree(path / "0" / "1")  # the second moment: absent chunks are zeros
    (path / "0" / "0" / "2" / "0" / "0" / "0").write_bytes(b"damaged")
    images, _, _ = find([str(path)], Axes(1, 1))
    assert np.array_equal(images[0].levels(channels=1)[0], PIXELS[0, 1, 1]), "the damaged slice was not looked at"
    assert not images[1].levels(channels=1).any()
    with pytest.raises(ImageError, match=r"a\.zarr is not a whole OME-Zarr \(.*\): copy it again"):
        find([str(path)], Axes(2, 0))[0][0].levels(channels=1)


def test_a_plate_is_its_wells_and_what_is_missing_is_named(tmp_path: Path) -> None:
    plate = write_plate(
        tmp_path / "p.zarr", {"A/1": [spots(), spots()], "A/2": [spots()], "B/1": [spots()], "B/2": [spots()]}
    )
    shutil.rmtree(plate / "A" / "2")
    say(plate / "B" / "2" / "0", {})
    shutil.rmtree(plate / "A" / "1" / "1")
    (plate / "B" / "1" / "0" / ".zattrs").write_text('{"multi')
    images, failures, _ = find([str(plate)])
    assert [(image.name, image.shown, image.turn) for image in images] == [("p_A_1_0", "p.zarr/A/1/0", 0)]
    assert [(failure.why.split("p.zarr/")[1].split(" (")[0], failure.turn) for failure in failures] == [
        ("A/1/1 is an image of the plate, and is not there: copy the plate again", 1),
        ("A/2 is a well of the plate, and is not there: copy the plate again", 2),
        ("B/1/0/.zattrs is no whole JSON", 3),
        ("B/2/0 does not say which image it holds", 4),
    ]
    assert [one.name for one in find([str(plate / "A" / "1")])[0]] == ["1_0"]


def test_the_folder_that_one_stands_in_has_its_own_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(write_zarr(tmp_path / "a.zarr", spots()))
    assert [one.name for one in find(["."])[0]] == ["a"]


def test_series_of_bioformats_are_images(tmp_path: Path) -> None:
    say(tmp_path / "s.zarr", {"bioformats2raw.layout": 3})
    for name in ("0", "10", "2"):
        write_zarr(tmp_path / "s.zarr" / name, spots())
    (tmp_path / "s.zarr" / "OME").mkdir()
    assert [one.name for one in find([str(tmp_path / "s.zarr")])[0]] == ["s_0", "s_2", "s_10"]


@pytest.mark.parametrize(
    ("scale", "unit", "size", "note"),
    [
        ((0.5, 0.5), "micrometer", (0.5, 0.5), None),
        ((500, 500), "nanometer", (0.5, 0.5), None),
        ((0.5, 0.25), "micrometer", (0.5, 0.25), "has pixels of 0.5 x 0.25 um, which are not square"),
        (
            None,
            "micrometer",
            None,
            "does not state the size of its pixels in um: give --pixel-size Y X where it matters",
        ),
        ((0.5, 0.5), None, None, "does not state the size of its pixels in um: give --pixel-size Y X where it matters"),
        (
            (0.5,),
            "micrometer",
            None,
            "does not state the size of its pixels in um: give --pixel-size Y X where it matters",
        ),
        ((0, 0.5), "micrometer", None, "states pixels of 0 x 0.5 um, which no microscope has: taken as unknown"),
        ((-1, 0.5), "micrometer", None, "states pixels of -1 x 0.5 um, which no microscope has: taken as unknown"),
        ((1, 1), "meter", None, "states pixels of 1e+06 x 1e+06 um, which no microscope has: taken as unknown"),
    ],
)
def test_the_pixel_size_is_read_and_what_is_odd_is_said(scale, unit, size, note, tmp_path: Path) -> None:
    images, _, _ = find([str(write_zarr(tmp_path / "a.zarr", spots(), scale=scale, unit=unit))])
    assert images[0].header.pixel_size_um == (size and pytest.approx(size))
    assert [line.split(";")[0] for line in notes(images)] == ([f"a.zarr {note}"] if note else [])


def named(*names: str) -> list[dict]:
    return [{"name": name} for name in names]


def words(**changed: object) -> dict:
    multiscale = {"version": "0.4", "axes": named("y", "x"), "datasets": [{"path": "0"}]} | changed
    return {"multiscales": [multiscale]}


def array(**changed: object) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        said = json.loads((path / "0" / ".zarray").read_text())
        (path / "0" / ".zarray").write_text(json.dumps(said | changed))

    return change


DAMAGED: dict[str, tuple[Callable[[Path], object], str]] = {
    "0.6": (lambda path: say(path, words(version="0.6")), r"of version '0\.6'; 0\.4 .* and 0\.5 .* are read: save"),
    "0.3": (lambda path: say(path, words(version="0.3", axes=["y", "x"])), r"of version '0\.3'; 0\.4"),
    "no words": (lambda path: (path / ".zattrs").unlink(), r"holds no \.zattrs and no zarr\.json, so it is no whole"),
    "words cut off": (lambda path: (path / ".zattrs").write_text('{"multi'), r"is no whole JSON \(.*\): copy the"),
    "labels": (
        lambda path: say(path, words() | {"image-label": {}}),
        "holds labels, not an image: name the image that",
    ),
    "no image": (lambda path: say(path, {}), "is a Zarr without an image in it"),
    "no axes": (
        lambda path: say(path, {"multiscales": [{"datasets": []}]}),
        r"damaged metadata \(multiscales\.0\.axes",
    ),
    "strange axes": (lambda path: say(path, words(axes=named("v", "x"))), "has the axes 'v, x'; t, z, c, y and x are"),
    "no series": (
        lambda path: say(path, {"bioformats2raw.layout": 3}) or shutil.rmtree(path / "0"),
        "is an OME-Zarr of several series, and none of them is there",
    ),
    "an axis twice": (lambda path: say(path, words(axes=named("y", "y", "x"))), "has the axes 'y, y, x'"),
    "an axis more": (
        lambda path: say(path, words(axes=named("z", "y", "x"))),
        r"has the axes '2 without names', .* name ZYX: save it again",
    ),
    "a way out": (lambda path: say(path, words(datasets=[{"path": "../0"}])), "no path inside"),
    "no array": (lambda path: shutil.rmtree(path / "0"), "named in the metadata, and is no array of a Zarr"),
    "array cut off": (lambda path: (path / "0" / ".zarray").write_text("{"), r"\.zarray is damaged"),
    "unpickles": (array(filters=[{"id": "pickle"}]), "is packed by 'pickle', which is not unpacked here"),
    "objects": (array(dtype="|O"), r"holds '\|O' values, which are not grey levels"),
    "huge": (array(shape=[2**20, 2**20]), "claims 1048576 x 1048576 pixels"),
    "huge chunks": (array(chunks=[2**20, 2**20]), "has chunks of 1048576 x 1048576 pixels"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_what_is_damaged_or_strange_is_one_clear_line(name: str, tmp_path: Path) -> None:
    damage, said = DAMAGED[name]
    damage(write_zarr(tmp_path / "a.zarr", spots()))
    write_zarr(tmp_path / "b.zarr", spots())
    images, (failure,), _ = find([str(tmp_path)])
    assert [one.name for one in images] == ["b"], "others go on"
    assert "a.zarr" in failure.why
    assert "\n" not in failure.why
    with pytest.raises(ImageError, match=said):
        raise ImageError(failure.why)


def test_names_of_dimensions_that_contradict_the_image_are_refused(tmp_path: Path) -> None:
    path = write_zarr(tmp_path / "a.zarr", PIXELS[0, :, 0], "zyx", version="0.5")
    words = json.loads((path / "0" / "zarr.json").read_text())
    (path / "0" / "zarr.json").write_text(json.dumps(words | {"dimension_names": ["z", "y", "x"]}))
    assert len(find([str(path)], Axes("each"))[0]) == 3
    (path / "0" / "zarr.json").write_text(json.dumps({"zarr_format": 3, "node_type": "group"}))
    with pytest.raises(CellpruneError, match="0 is named as an image's array, and is none: copy the OME-Zarr again"):
        find([str(path)], Axes("each"))
    (path / "0" / "zarr.json").write_text(json.dumps(words | {"dimension_names": ["t", "y", "x"]}))
    with pytest.raises(
        CellpruneError, match="has the axes 't, y, x', and the image's metadata name ZYX: save it again"
    ):
        find([str(path)], Axes("each"))


def test_programs_inside_others_are_seen() -> None:
    codecs = [{"name": "sharding_indexed", "configuration": {"codecs": [{"name": "numcodecs.pickle"}]}}]
    assert [*storage._names(codecs)] == ["sharding_indexed", "pickle"]


def test_the_digest_is_of_the_largest_level_alone(tmp_path: Path) -> None:
    path = write_zarr(tmp_path / "a.zarr", spots())
    before = sources.sha256_of(path)
    write_zarr(path / "labels" / "cells", spots())
    assert sources.sha256_of(path) == before
    write_zarr(tmp_path / "b.zarr", spots() + 1)
    assert sources.sha256_of(tmp_path / "b.zarr") != before
    assert image.files(path) == [".zattrs", "0/.zarray", "0/.zattrs", "0/0/0"]


def test_without_zarr_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_zarr(tmp_path / "a.zarr", spots())
    monkeypatch.setitem(__import__("sys").modules, "zarr", None)
    with pytest.raises(
        ImageError, match=r"is an OME-Zarr, and the package zarr .* missing: pip install 'cellprune\[lab\]'"
    ):
        sources.read_header(Member(path))


@pytest.mark.filterwarnings("ignore:Dimension . is too small to downsample")
def test_what_ome_zarr_itself_writes_is_read(tmp_path: Path) -> None:
    writer = pytest.importorskip("ome_zarr.writer")
    formats = pytest.importorskip("ome_zarr.format")
    import zarr

    for written in (formats.FormatV04(), formats.FormatV05()):
        path = tmp_path / f"{written.version}.ome.zarr"
        group = zarr.open_group(str(path), mode="w", zarr_format=written.zarr_format)
        writer.write_image(np.swapaxes(PIXELS, 1, 2), group, axes="tczyx", fmt=written)
        images, _, _ = find([str(path)], Axes(2, 1))
        assert all(np.array_equal(one.levels(channels=1)[0], PIXELS[one.plane, 2, 1]) for one in images)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_chunks_that_are_not_there_are_told(version: str, tmp_path: Path) -> None:
    path = write_zarr(tmp_path / "a.zarr", PIXELS[:, 0, 0], "tyx", version=version, scale=(1, 1, 1))
    assert not notes(find([str(path)])[0])
    (path / next(name for name in image.files(path) if name[-1].isdecimal())).unlink()
    (said,) = notes(find([str(path)])[0])
    assert said.endswith("a.zarr lacks 1 of its 2 chunks, which count as black: if its program does not leave out "
                         "black ones, copy it again")  # fmt: skip


def test_a_large_image_is_read_by_windows_of_its_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_zarr(tmp_path / "a.zarr", PIXELS[0, :2].repeat(5, 2).repeat(5, 3), "zcyx", chunk=8)
    (one,), _, _ = find([str(path)], Axes(1))
    whole = one.levels(channels=2)
    monkeypatch.setattr(image, "LARGE_PX", 100)
    monkeypatch.setattr(image, "MAX_PIXELS", 100)
    monkeypatch.setattr(storage, "_BLOCK_PX", 20)
    (large,), _, _ = find([str(path)], Axes(1))
    assert large.header.in_windows
    with large.windows() as windows:
        for box in ((slice(0, 30), slice(0, 35)), (slice(7, 9), slice(15, 31))):
            assert np.array_equal(windows(box), whole[:, *box])
    (path / "0" / "1" / "0" / "0" / "0").write_bytes(b"damaged")
    with (
        large.windows() as windows,
        pytest.raises(ImageError, match=r"a\.zarr is not a whole OME-Zarr \(.*\): copy it again"),
    ):
        windows((slice(0, 1), slice(0, 1)))
    monkeypatch.setattr(sources, "chosen", partial(chosen, most_pixels=100))
    (brightest,), _, _ = find([str(path)], Axes("max"))
    with pytest.raises(ImageError, match="claims 30 x 35 pixels, more than"), brightest.windows():
        pass
    monkeypatch.setattr(storage, "_MOST_IN_MEMORY", 100)
    with pytest.raises(CellpruneError, match="more than 100 pixels in chunks of 1 x 1 x 8 x 8, which can be read as a"):
        find([str(path)], Axes(1))
