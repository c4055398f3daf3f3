"""Reading: every hard rule fires and names the file; what is right comes out as promised."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from skimage.transform import resize

from cellprune.data.images import (
    ImageError,
    normalize,
    read_header,
    read_image,
    read_labels,
    resize_image,
    resize_labels,
)

RAMP = np.arange(12 * 10).reshape(12, 10)


def saved(path: Path, pixels: np.ndarray, **options: object) -> Path:
    tifffile.imwrite(path, pixels, **options)
    return path


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "uint32", "float16", "float32", "float64"])
def test_any_real_type_becomes_float32_in_0_to_1(tmp_path: Path, dtype: str) -> None:
    image = read_image(saved(tmp_path / "t.tif", RAMP.astype(dtype)))
    assert image.dtype == np.float32
    np.testing.assert_allclose(image, RAMP / RAMP.max(), atol=1e-6)


def test_a_large_offset_does_not_cost_precision(tmp_path: Path) -> None:
    image = read_image(saved(tmp_path / "t.tif", (RAMP + 33_000).astype(np.uint16)))
    np.testing.assert_allclose(image, RAMP / RAMP.max(), atol=1e-6)


def test_lzw_and_the_resolution_tag(tmp_path: Path) -> None:
    path = saved(
        tmp_path / "t.tif", RAMP.astype(np.uint8), compression="lzw", resolution=(10_000 / 0.5, 10_000 / 0.25),
        resolutionunit="CENTIMETER",
    )  # fmt: skip
    assert read_header(path).size == (12, 10)
    assert read_header(path).pixel_size_um == pytest.approx((0.25, 0.5))


def test_no_unit_is_no_pixel_size(tmp_path: Path) -> None:
    assert read_header(saved(tmp_path / "t.tif", RAMP.astype(np.uint8))).pixel_size_um is None


BAD_IMAGES = {
    "a stack": (np.zeros((3, 12, 10), np.uint8), {"photometric": "minisblack"}, "stack of shape"),
    "a colour image": (np.zeros((12, 10, 3), np.uint8), {"photometric": "rgb"}, "colour image"),
    "complex": (RAMP.astype(np.complex64), {}, "not grey levels"),
    "constant": (np.full((12, 10), 7, np.uint8), {}, "is constant, every pixel is 7"),
    "NaN": (np.where(RAMP == 5, np.nan, RAMP).astype(np.float32), {}, "NaN or infinite"),
    "infinite": (np.where(RAMP == 5, np.inf, RAMP).astype(np.float32), {}, "NaN or infinite"),
}


@pytest.mark.parametrize("name", BAD_IMAGES)
def test_a_bad_image_is_named(tmp_path: Path, name: str) -> None:
    pixels, options, message = BAD_IMAGES[name]
    with pytest.raises(ImageError, match=message) as raised:
        read_image(saved(tmp_path / "t000.tif", pixels, **options))
    assert "t000.tif" in str(raised.value)
    assert "\n" not in str(raised.value)


BAD_LABELS = {
    "float": (RAMP.astype(np.float32), {}, "labels are whole numbers"),
    "colour": (np.zeros((12, 10, 3), np.uint8), {"photometric": "rgb"}, "colour image"),
    "a stack": (np.zeros((3, 12, 10), np.uint16), {"photometric": "minisblack"}, "stack of shape"),
    "negative": (RAMP.astype(np.int16) - 1, {}, "labels outside"),
    "huge": (RAMP.astype(np.uint32) + np.uint32(2**31), {}, "labels outside"),
}


@pytest.mark.parametrize("name", BAD_LABELS)
def test_bad_labels_are_named(tmp_path: Path, name: str) -> None:
    pixels, options, message = BAD_LABELS[name]
    with pytest.raises(ImageError, match=message):
        read_labels(saved(tmp_path / "man_seg000.tif", pixels, **options))


def test_labels_keep_their_values(tmp_path: Path) -> None:
    labels = read_labels(saved(tmp_path / "man_seg000.tif", (RAMP * 500).astype(np.uint16)))
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, RAMP * 500)


def test_two_pages_of_different_kinds_are_refused(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "t.tif") as tif:
        tif.write(RAMP.astype(np.uint8))
        tif.write(RAMP[:6].astype(np.uint16))
    with pytest.raises(ImageError, match="holds 2 images"):
        read_image(tmp_path / "t.tif")


@pytest.mark.parametrize("kept_bytes", [0, 1, 4, 9, 100, 900])
def test_a_torn_file_is_one_clear_line(tmp_path: Path, kept_bytes: int) -> None:
    whole = saved(tmp_path / "whole.tif", np.random.default_rng(0).integers(0, 255, (40, 40)).astype(np.uint8))
    torn = tmp_path / "torn.tif"
    torn.write_bytes(whole.read_bytes()[:kept_bytes])
    with pytest.raises(ImageError, match=r"torn\.tif is (empty|not a whole TIFF)") as raised:
        read_image(torn)
    assert "\n" not in str(raised.value)


def test_a_missing_file_and_a_text_file(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="is missing"):
        read_header(tmp_path / "none.tif")
    (tmp_path / "text.tif").write_text("label begin end parent")
    with pytest.raises(ImageError, match="not a whole TIFF"):
        read_header(tmp_path / "text.tif")


def test_a_huge_header_is_refused_before_pixels_are_read(tmp_path: Path) -> None:
    path = saved(tmp_path / "t.tif", RAMP.astype(np.uint8))
    with tifffile.TiffFile(path, mode="r+b") as tif:
        tif.pages[0].tags["ImageWidth"].overwrite(1_000_000)
        tif.pages[0].tags["ImageLength"].overwrite(1_000_000)
    with pytest.raises(ImageError, match="claims 1000000 x 1000000 pixels"):
        read_image(path)


def test_normalize_gives_mean_0_and_deviation_1() -> None:
    image = normalize(np.random.default_rng(0).random((50, 40), dtype=np.float32))
    assert image.dtype == np.float32
    assert abs(image.mean(dtype=np.float64)) < 1e-6
    assert image.std(dtype=np.float64) == pytest.approx(1, abs=1e-6)


def test_an_image_shrinks_without_aliasing() -> None:
    stripes = np.tile(np.float32([0, 1]), (64, 32))
    assert np.ptp(resize_image(stripes, (16, 16))[:, 2:-2]) < 0.1
    assert resize_image(stripes, (64, 64)) is stripes


@given(st.tuples(*[st.integers(1, 40)] * 4), st.integers(0, 2**16))
def test_labels_are_never_interpolated(sizes: tuple[int, int, int, int], seed: int) -> None:
    labels = np.random.default_rng(seed).choice(np.uint8([0, 1, 255]), sizes[:2])
    resized = resize_labels(labels, sizes[2:])
    assert resized.shape == sizes[2:]
    assert resized.dtype == np.uint8
    assert set(np.unique(resized)) <= set(np.unique(labels))


@pytest.mark.parametrize("size", [(20, 30), (16, 32), (144, 192)])
def test_labels_lie_where_scikit_image_puts_them(size: tuple[int, int]) -> None:
    labels = np.random.default_rng(0).integers(0, 9, (48, 64)).astype(np.uint8)
    theirs = resize(labels, size, order=0, anti_aliasing=False, preserve_range=True, mode="edge")
    np.testing.assert_array_equal(resize_labels(labels, size), theirs)
