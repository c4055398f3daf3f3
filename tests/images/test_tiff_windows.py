"""A box of a TIFF is that part of the whole, however its numbers are saved."""

from pathlib import Path

import numpy as np
import pytest
import tiff_pages
import tifffile

from cellprune.images import blocks, header, tiff
from cellprune.images.read import ImageError, Pick, opened_windows, read_grey_levels, read_header

GREY = np.random.default_rng(0).integers(0, 60_000, (75, 110), dtype=np.uint16)
COLOUR = np.random.default_rng(1).integers(0, 255, (75, 110, 3), dtype=np.uint8)
BOXES = [(slice(0, 75), slice(0, 110)), (slice(10, 40), slice(30, 97)), (slice(63, 65), slice(109, 110))]

KINDS: dict[str, dict] = {
    "in a row": {"data": GREY},
    "big endian": {"data": GREY, "byteorder": ">"},
    "strips": {"data": GREY, "rowsperstrip": 7, "compression": "zlib", "predictor": True},
    "one strip": {"data": GREY, "rowsperstrip": 75, "compression": "lzw"},
    "tiles": {"data": GREY, "tile": (32, 16), "compression": "zlib"},
    "bare tiles": {"data": GREY, "tile": (16, 64)},
    "white is zero": {"data": GREY, "photometric": "miniswhite", "tile": (32, 32)},
    "colour": {"data": COLOUR, "photometric": "rgb"},
    "colour in tiles": {"data": COLOUR, "photometric": "rgb", "tile": (32, 32), "compression": "zlib"},
    "colour by plane": {"data": np.moveaxis(COLOUR, 2, 0), "photometric": "rgb", "planarconfig": "separate",
                        "tile": (32, 32)},
    "channels": {"data": np.stack([GREY, GREY // 2]), "metadata": {"axes": "CYX"}, "photometric": "minisblack"},
    "channels in a row": {"data": np.stack([GREY, GREY // 2]), "metadata": {"axes": "CYX"}, "imagej": True},
    "floats": {"data": GREY.astype(np.float32), "tile": (32, 32), "predictor": True, "compression": "zlib"},
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_box_is_a_part_of_the_whole(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "_KEPT_BYTES", 1)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, **KINDS[kind])
    whole = read_grey_levels(path)
    monkeypatch.setattr(tiff._Image, "_plane", None)
    with opened_windows(path) as windows:
        for box in BOXES:
            part = windows(box)
            assert part.dtype == whole.dtype
            assert np.array_equal(part, whole[:, box[0], box[1]])


def test_a_plane_of_a_stack_and_what_has_no_windows(tmp_path: Path) -> None:
    stack = np.stack([GREY, GREY[::-1], GREY // 3])
    tifffile.imwrite(
        tmp_path / "film.tif", stack, compression="zlib", metadata={"axes": "TYX"}, photometric="minisblack"
    )
    with opened_windows(tmp_path / "film.tif", 1) as windows:
        assert np.array_equal(windows(BOXES[1])[0], stack[1][BOXES[1]])
    slices = np.stack([stack, stack + 1], axis=1)
    tifffile.imwrite(tmp_path / "slices.tif", slices, imagej=True, metadata={"axes": "ZCYX"})
    with opened_windows(tmp_path / "slices.tif", pick=Pick((2,), 1)) as windows:
        assert np.array_equal(windows(BOXES[1]), slices[2, 1][BOXES[1]][None])
    with opened_windows(tmp_path / "slices.tif", pick=Pick((0, 2), 0)) as windows:
        assert np.array_equal(windows(BOXES[1])[0], np.maximum(stack[0], stack[2])[BOXES[1]])
    import imagecodecs

    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(GREY))
    with opened_windows(tmp_path / "a.png") as windows:
        assert np.array_equal(windows(BOXES[1])[0], GREY[BOXES[1]])


def test_the_bits_of_bytes_may_stand_the_other_way_round(tmp_path: Path) -> None:
    path = tiff_pages.write(
        tmp_path / "a.tif", [tiff_pages.page() | {266: (tiff_pages.SHORT, 1, 2)}], bytes(range(100))
    )
    with opened_windows(path) as windows:
        part = windows((slice(0, 1), slice(0, 4)))
    assert part.tolist() == [[[0, 128, 64, 192]]]
    assert np.array_equal(part, read_grey_levels(path)[:, :1, :4])


def test_a_large_image_needs_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (header, tiff):
        monkeypatch.setattr(module, "MAX_PIXELS", 5000)
    monkeypatch.setattr(tiff, "MAX_SEGMENT_PX", 5000)
    monkeypatch.setattr(tiff, "LARGE_PX", 5000)
    tifffile.imwrite(tmp_path / "tiles.tif", GREY, tile=(32, 32), compression="zlib")
    tifffile.imwrite(tmp_path / "strip.tif", GREY, rowsperstrip=75, compression="zlib")
    assert read_header(tmp_path / "tiles.tif", windows=True).size == GREY.shape
    with pytest.raises(ImageError, match="more than 5000 pixels, which can be read as a whole alone: save it"):
        read_header(tmp_path / "strip.tif", windows=True)
    with pytest.raises(ImageError, match="claims 75 x 110 pixels, more than 5000"):
        read_header(tmp_path / "tiles.tif")


def test_a_damaged_tile_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, GREY, tile=(32, 32), compression="zlib")
    with tifffile.TiffFile(path) as tif:
        at = tif.pages.first.dataoffsets[-1]
    content = bytearray(path.read_bytes())
    content[at : at + 40] = bytes(40)
    path.write_bytes(content)
    with opened_windows(path) as windows:
        windows(BOXES[1])
        with pytest.raises(ImageError, match="is not a whole TIFF or PNG"):
            windows((slice(70, 75), slice(100, 110)))
