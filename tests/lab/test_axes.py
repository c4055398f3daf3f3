"""Slices and channels: what is meant is said, and what is read is that, in whatever order a file has its axes."""

from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import tifffile
from lab_engines import spots
from lab_jobs import content, predicted

from cellprune.errors import CellpruneError
from cellprune.images.order import checked
from cellprune.lab.axes import Axes
from cellprune.lab.inputs import find, notes

SIZES = {"T": 2, "Z": 3, "C": 2, "Y": 6, "X": 7}
PIXELS = np.random.default_rng(0).integers(0, 1000, tuple(SIZES.values())).astype(np.uint16)


@pytest.mark.parametrize("order", ["".join(order) for order in permutations("TZC")])
def test_the_pixels_are_those_of_the_slices_and_the_channel_in_any_order(order: str, tmp_path: Path) -> None:
    pixels = PIXELS.transpose(*("TZC".index(axis) for axis in order), 3, 4)
    names = {"Channel": {"Name": ["DAPI", "actin & co"]}} if order.endswith("C") else {}
    tifffile.imwrite(tmp_path / "a.tif", pixels, ome=True, photometric="minisblack",
                     metadata={"axes": f"{order}YX", **names})  # fmt: skip

    def read(axes: Axes) -> np.ndarray:
        images, failures, _ = find([str(tmp_path / "a.tif")], axes)
        assert not failures
        assert [image.name for image in images] == ["a_t000", "a_t001"]
        return np.stack([image.levels(channels=image.header.channels) for image in images])

    assert np.array_equal(read(Axes("max")), PIXELS.max(1))
    assert np.array_equal(read(Axes(1, 0)), PIXELS[:, 1, :1])
    assert np.array_equal(read(Axes("max", "actin & co" if names else 1)), PIXELS[:, :, 1:].max(1))


def test_a_number_that_is_no_place_may_be_a_name_and_a_name_of_two_is_refused(tmp_path: Path) -> None:
    def number(wanted: int | str, *names: str) -> int | None:
        tifffile.imwrite(tmp_path / "a.tif", PIXELS[0, 0], ome=True, photometric="minisblack",
                         metadata={"axes": "CYX", "Channel": {"Name": names}})  # fmt: skip
        (image,), _, _ = find([str(tmp_path / "a.tif")], Axes(channel=wanted))
        return image.pick.channel if image.pick else None

    assert [number(wanted, "405", "488") for wanted in (488, "405", 1)] == [1, 0, 1]
    assert number(1, "1", "0") == 1, "a number counts first"
    with pytest.raises(
        CellpruneError, match="has 2 channels named 'DAPI': give the number of one, such as --channel 0"
    ):
        number("DAPI", "DAPI", "DAPI")


def test_imagej_slices_one_by_one_or_the_brightest(tmp_path: Path) -> None:
    slices = np.stack([np.full_like(spots(), 7), spots(), spots(cells=[(30, 3, 6, 6)])])
    tifffile.imwrite(tmp_path / "a.tif", slices, imagej=True, metadata={"axes": "ZYX"})
    done = predicted(tmp_path / "a.tif", tmp_path / "each", axes=Axes("each"))
    assert [(image["name"], image["cells"]) for image in done.images] == [("a_z000", 0), ("a_z001", 2), ("a_z002", 1)]
    assert (done.failures, done.blank) == ([], ["a_z000"]), "a slice without anything to see has no cells"
    assert len(list((tmp_path / "each/labels").iterdir())) == 3
    predicted(tmp_path / "a.tif", tmp_path / "max", axes=Axes("max"))
    assert tifffile.imread(tmp_path / "max/labels/a.tif").max() == 3
    before = content(tmp_path / "max")
    assert predicted(tmp_path / "a.tif", tmp_path / "max", axes=Axes("max")).kept == 1
    assert content(tmp_path / "max") == before


def test_files_without_such_axes_are_as_ever(write: Callable[..., Path]) -> None:
    write("a.tif")
    film = write("film.tif", np.stack([spots(), spots()]), photometric="minisblack")
    images, _, _ = find([str(film)])
    assert notes(images) == [
        "film.tif does not say what its pages are, so each is taken for a moment in time: give --axes ZYX or --axes "
        "CYX if they are slices or channels"
    ]
    for axes in (Axes(), Axes("max", order="TYX"), Axes("max", 0, "TYX")):
        images, failures, _ = find([str(film)] if axes.order else [str(film.parent / "a.tif"), str(film)], axes)
        assert [image.name for image in images][-2:] == ["film_t000", "film_t001"]
        assert not failures
        assert all(np.array_equal(image.levels(channels=1)[0], spots()) for image in images)


def test_axes_that_a_file_does_not_say_are_given(tmp_path: Path) -> None:
    def read(pixels: np.ndarray, axes: Axes, **words: object) -> list[np.ndarray]:
        tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack", **words)
        return [image.levels(channels=image.header.channels) for image in find([str(tmp_path / "a.tif")], axes)[0]]

    volume, whole = PIXELS[0, :, 0], PIXELS[:, :, 0]
    for words in ({}, {"metadata": None}):  # tifffile's words and none
        assert np.array_equal(read(volume, Axes("max", order="ZYX"), **words), [volume.max(0)[None]])
        assert np.array_equal(read(volume, Axes(order="CYX"), **words), [volume])
        assert np.array_equal(read(volume, Axes(channel=1, order="CYX"), **words), [volume[1:2]])
    assert np.array_equal(read(whole, Axes(2, order="TZYX")), whole[:, 2:3])
    assert np.array_equal(read(np.moveaxis(PIXELS[0, 0], 0, -1), Axes(order="YXC")), [PIXELS[0, 0]])
    assert np.array_equal(read(volume, Axes("max", order="ZYX"), metadata={"axes": "ZYX"}), [volume.max(0)[None]])


@pytest.mark.parametrize(
    ("axes", "words", "said"),
    [
        (Axes(0), {}, r"a\.tif does not say what its 3 planes are: name its axes, such as --axes ZYX"),
        (Axes(channel=0), {"metadata": None}, "does not say what its 3 planes are: name its axes"),
        (Axes(order="TZYX"), {}, r"has 3 axes \(3 x 6 x 7\), and --axes TZYX names 4: name each axis"),
        (Axes(order="ZYX"), {"imagej": True, "metadata": {"axes": "TYX"}}, "says that its axes are TYX .*, not ZYX"),
        (Axes(order="YXZ"), {"metadata": {"axes": "ZYX"}}, "says that its axes are ZYX .*, not YXZ: remove --axes"),
        (Axes(order="YXZ"), {"metadata": None}, r"says that its axes are \?YX"),
    ],
)
def test_axes_that_contradict_a_file_are_refused(axes: Axes, words: dict, said: str, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", PIXELS[0, :, 0], photometric="minisblack", **words)
    with pytest.raises(CellpruneError, match=said):
        find([str(tmp_path / "a.tif")], axes)


def test_four_axes_without_a_word_are_never_guessed(write: Callable[..., Path]) -> None:
    path = write("a.tif")
    tifffile.imwrite(path, PIXELS[:, :, 0], photometric="minisblack")
    with pytest.raises(
        CellpruneError, match="does not say what its 2 x 3 planes are: name its axes, such as --axes TZYX"
    ):
        find([str(path)])
    write("b.tif")
    images, failures, _ = find([str(path.parent)], Axes("max", order="TZYX"))
    assert [image.name for image in images] == ["a_t000", "a_t001"]
    assert [failure.why.split(" has ")[1] for failure in failures] == [
        "2 axes (40 x 50), and --axes TZYX names 4: name each axis"
    ]


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ("ZZYX", "--axes ZZYX: the axis Z stands there twice"),
        ("ZYQX", "--axes ZYQX: there is no axis 'Q'; give letters of TZCYX"),
        ("TZC", "--axes TZC: Y and X, rows and columns, are missing"),
    ],
)
def test_an_order_that_cannot_be_meant_is_refused(order: str, said: str) -> None:
    with pytest.raises(CellpruneError, match=said):
        checked(order)
    assert checked("zyx") == "ZYX"


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        (None, r"is a stack of 3 slices in Z, not of moments in time: give --z max, each or the number of a slice"),
        (Axes("each"), "has 2 moments of 3 slices: --z each takes one or the other; give --z max"),
        (Axes(3), "has no slice 3: it holds 3, counted from 0"),
        (Axes("max", 2), r"has no channel 2: it holds 2 \('DAPI', 'GFP'\), counted from 0"),
        (
            Axes("max", "Dapi"),
            r"has no channel 'Dapi': it holds 2 \('DAPI', 'GFP'\), counted from 0; did you mean 'DAPI'?",
        ),
    ],
)
def test_what_is_not_there_is_said(axes: Axes | None, said: str, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, ome=True, photometric="minisblack",
                     metadata={"axes": "TZCYX", "Channel": {"Name": ["DAPI", "GFP"]}})  # fmt: skip
    with pytest.raises(CellpruneError, match=said):
        find([str(tmp_path / "a.tif")], axes)
