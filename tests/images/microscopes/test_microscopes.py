"""Files of microscopes through the packages of the extra: the planes, positions, sizes and names that were written."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from lab_engines import spots
from microscope_files import write_czi, write_lif, write_nd2

from cellprune.errors import CellpruneError
from cellprune.images.header import ImageError
from cellprune.images.microscopes import layout
from cellprune.lab.axes import Axes
from cellprune.lab.inputs import find, notes

PIXELS = np.random.default_rng(0).integers(0, 1000, (2, 3, 2, 6, 7)).astype(np.uint16)  # T, Z, C, Y, X
NAMES = ["DAPI", "GFP"]
PACKAGES = {"czi": "pylibCZIrw", "nd2": "nd2", "lif": "liffile"}
STARTS = {"czi": b"ZISRAWFILE", "nd2": b"\xda\xce\xbe\x0a", "lif": b"\x70\0\0\0"}


def written(kind: str, folder: Path, *, parts: int = 1) -> Path:
    """Write `PIXELS`, or each moment as a scene, position or image of its own."""
    pytest.importorskip(PACKAGES[kind])
    path, um = folder / f"a.{kind}", (0.5, 0.5)
    moments = [PIXELS] if parts == 1 else [PIXELS[:1], PIXELS[1:]]
    if kind == "czi":
        return write_czi(path, moments, NAMES, um)
    if kind == "nd2":
        return write_nd2(path, PIXELS, NAMES, 0.5, positions=parts)
    return write_lif(path, {f"of {at}": ("TZCYX", one) for at, one in enumerate(moments)}, um)


@pytest.mark.parametrize("kind", PACKAGES)
def test_slices_and_channels_are_those_that_were_written(kind: str, tmp_path: Path) -> None:
    path = written(kind, tmp_path)

    def read(axes: Axes) -> np.ndarray:
        images, failures, _ = find([str(path)], axes)
        assert not failures
        assert [image.name for image in images] == ["a_t000", "a_t001"]
        assert images[0].header.pixel_size_um == pytest.approx((0.5, 0.5))
        assert not notes(images)
        return np.stack([image.levels(channels=image.header.channels) for image in images])

    assert np.array_equal(read(Axes("max")), PIXELS.max(1))
    assert np.array_equal(read(Axes(2, 1)), PIXELS[:, 2, 1:])
    if kind != "lif":  # which names no channels
        assert np.array_equal(read(Axes(0, "GFP")), PIXELS[:, 0, 1:])
    with pytest.raises(CellpruneError, match=r"says that its axes are TZCYX \(.*\), not ZTCYX"):
        find([str(path)], Axes(0, order="ZTCYX"))


@pytest.mark.parametrize("kind", PACKAGES)
def test_scenes_positions_and_series_are_images(kind: str, tmp_path: Path) -> None:
    images, failures, _ = find([str(written(kind, tmp_path, parts=2))], Axes(1))
    assert not failures
    assert [(image.name, image.shown, image.turn) for image in images] == [
        ("a_s000", f"a.{kind}, s000", 0), ("a_s001", f"a.{kind}, s001", 1),
    ]  # fmt: skip
    read = [image.levels(channels=2) for image in images]
    assert np.array_equal(read, PIXELS[:, 1])


def test_scenes_of_a_czi_have_their_own_moments(tmp_path: Path) -> None:
    pytest.importorskip("pylibCZIrw")
    path = write_czi(tmp_path / "a.czi", [PIXELS[:1], PIXELS], NAMES, (0.5, 0.5))
    images, failures, _ = find([str(path)], Axes(0, 0))
    assert not failures
    assert [image.name for image in images] == ["a_s000", "a_s001_t000", "a_s001_t001"], "none is made up"


@pytest.mark.parametrize("first", [(0, 7, 0), (5, 0, 0), (5, 7, 3)])
def test_a_part_of_a_recording_is_read_whatever_numbers_its_planes_have(
    first: tuple[int, int, int], tmp_path: Path
) -> None:
    pytest.importorskip("pylibCZIrw")
    path = write_czi(tmp_path / "a.czi", [PIXELS], [], (0.5, 0.5), first=first)
    images, failures, _ = find([str(path)], Axes(2, 1))
    assert not failures
    assert np.array_equal([image.levels(channels=1) for image in images], PIXELS[:, 2, 1:])


def test_colours_of_a_czi_are_red_green_and_blue(tmp_path: Path) -> None:
    pytest.importorskip("pylibCZIrw")
    colours = np.stack([spots(), spots() // 2, 9 + spots()], axis=-1)
    path = write_czi(tmp_path / "a.czi", [colours], [], ())
    (image,), _, _ = find([str(path)])
    assert np.array_equal(image.levels(channels=3), np.moveaxis(colours, -1, 0))
    assert notes([image]) == [
        "a.czi does not state the size of its pixels in um: give --pixel-size Y X where it matters"
    ]


@pytest.mark.parametrize("kind", PACKAGES)
def test_what_is_cut_off_is_one_clear_line_and_others_go_on(kind: str, tmp_path: Path) -> None:
    content = written(kind, tmp_path).read_bytes()
    (tmp_path / f"b.{kind}").write_bytes(content[:-700])
    (tmp_path / f"c.{kind}").write_bytes(content[:30])
    images, failures, _ = find([str(tmp_path)], Axes(2))
    said = [failure.why for failure in failures]
    for image in images:
        try:
            image.levels(channels=2)
        except ImageError as error:
            said.append(str(error))
    assert {line.split(f".{kind}")[0][-1] for line in said} == {"b", "c"}
    assert all("copy it again" in line or "is constant" in line for line in said)


@pytest.mark.parametrize(("kind", "program"), [("czi", "ZEN"), ("nd2", "NIS-Elements"), ("lif", "LAS X")])
def test_without_the_extra_the_format_is_named_and_how_to_export_it(
    kind: str, program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, PACKAGES[kind], None)
    (tmp_path / f"a.{kind}").write_bytes(STARTS[kind] + bytes(90))
    with pytest.raises(
        CellpruneError,
        match=rf"a\.{kind} is an? {kind.upper()} file of \w+, and the package {PACKAGES[kind]} that reads it is "
        rf"missing: pip install 'cellprune\[microscopes\]', or export it as OME-TIFF from {program} or Fiji",
    ):
        find([str(tmp_path)])


def fake(sizes: dict[str, int]) -> Callable[[], object]:
    return lambda: layout.source(
        Path("a.xyz"), sizes, np.uint16, um=(1, 1), channel_names=(), read=lambda at, channel: np.zeros((1, 9, 9))
    )


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        (
            {"H": 2, "Y": 6, "X": 7},
            "a.xyz has 2 planes along an axis 'H'; T, Z and C are read: export those that matter",
        ),
        ({"C": 2, "Y": 6, "X": 7, "S": 3}, "a.xyz has 2 channels in colour: export one of them"),
        ({"Y": 2**20, "X": 2**20}, "a.xyz claims 1048576 x 1048576 pixels"),
    ],
)
def test_what_has_no_meaning_here_is_refused(sizes: dict[str, int], said: str) -> None:
    with pytest.raises(ImageError, match=said):
        fake(sizes)()


def test_a_plane_of_another_size_than_the_file_says_is_damaged() -> None:
    source = fake({"T": 1, "Y": 6, "X": 7})()
    assert source.axes == "YX"
    with pytest.raises(ValueError, match=r"a plane is of \(9, 9\) pixels, not of \(6, 7\)"):
        source.read(0, None)
