"""Reading: every hard rule fires and names the file; what is right comes out as promised."""

import subprocess
import sys
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage.transform import resize

from cellprune.images.read import (
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
    np.testing.assert_allclose(image, (RAMP / RAMP.max())[None], atol=1e-6)


def test_a_large_offset_does_not_cost_precision(tmp_path: Path) -> None:
    image = read_image(saved(tmp_path / "t.tif", (RAMP + 33_000).astype(np.uint16)))
    np.testing.assert_allclose(image, (RAMP / RAMP.max())[None], atol=1e-6)


def test_lzw_and_the_resolution_tag(tmp_path: Path) -> None:
    path = saved(
        tmp_path / "t.tif", RAMP.astype(np.uint8), compression="lzw", resolution=(10_000 / 0.5, 10_000 / 0.25),
        resolutionunit="CENTIMETER",
    )  # fmt: skip
    assert read_header(path).size == (12, 10)
    assert read_header(path).pixel_size_um == pytest.approx((0.25, 0.5))


def test_no_unit_is_no_pixel_size(tmp_path: Path) -> None:
    assert read_header(saved(tmp_path / "t.tif", RAMP.astype(np.uint8))).pixel_size_um is None


@pytest.mark.parametrize("dots_an_inch", [72, 96, 300, 1200])
def test_the_resolution_of_a_screen_or_printer_is_no_pixel_size(tmp_path: Path, dots_an_inch: int) -> None:
    path = saved(
        tmp_path / "t.tif", RAMP.astype(np.uint8), resolution=(dots_an_inch, dots_an_inch), resolutionunit="INCH"
    )
    assert read_header(path).pixel_size_um is None


@pytest.mark.parametrize(
    ("unit", "um"),
    [
        ("um", 1.0), ("micron", 1.0), ("Microns", 1.0), ("micrometer", 1.0), (r"\u00B5m", 1.0), ("nm", 1e-3),
        ("inch", None), ("pixel", None),
    ],
)  # fmt: skip
def test_imagej_says_the_pixel_size_in_its_own_words(tmp_path: Path, unit: str, um: float | None) -> None:
    path = saved(
        tmp_path / "t.tif", RAMP.astype(np.uint8), imagej=True, resolution=(1 / 0.5, 1 / 0.25), metadata={"unit": unit}
    )
    expected = None if um is None else pytest.approx((0.25 * um, 0.5 * um))
    assert read_header(path).pixel_size_um == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.25}, (0.25, 0.5)),
        ({"PhysicalSizeX": 0.5, "PhysicalSizeY": 250, "PhysicalSizeYUnit": "nm"}, (0.25, 0.5)),
        ({"PhysicalSizeX": 0.5, "PhysicalSizeY": 2.5e-5, "PhysicalSizeYUnit": "cm"}, (0.25, 0.5)),
        ({"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.25}, (0.25, 0.5)),
        ({"PhysicalSizeX": 0.5}, None),
        ({"PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "pixel", "PhysicalSizeY": 0.25}, None),
        ({"PhysicalSizeX": "NaN", "PhysicalSizeY": "1e999"}, None),
    ],
)  # fmt: skip
def test_ome_says_the_pixel_size_in_its_own_words(tmp_path: Path, said: dict, expected: tuple | None) -> None:
    path = saved(tmp_path / "t.ome.tif", RAMP.astype(np.uint8), ome=True, metadata={"axes": "YX", **said})
    assert read_header(path).pixel_size_um == (expected and pytest.approx(expected))


RGB = np.stack([RAMP, RAMP[::-1], 2 * RAMP], axis=-1)


def png(path: Path, pixels: np.ndarray) -> Path:
    path.write_bytes(imagecodecs.png_encode(pixels))
    return path


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_a_png_is_read_as_a_tiff_is(tmp_path: Path, dtype: str) -> None:
    for pixels, options in ((RAMP, {}), (np.minimum(RGB, 200), {"photometric": "rgb"})):
        tiff = read_image(saved(tmp_path / "t.tif", (pixels + 9).astype(dtype), **options))
        np.testing.assert_array_equal(read_image(png(tmp_path / "t.png", (pixels + 9).astype(dtype))), tiff)
    header = read_header(tmp_path / "t.png")
    assert (header.size, header.channels, header.planes, header.pixel_size_um) == ((12, 10), 3, 1, None)


def test_channels_come_first_and_share_one_scale(tmp_path: Path) -> None:
    path = saved(tmp_path / "t.tif", RGB.astype(np.uint8), photometric="rgb")
    assert (read_header(path).channels, read_header(path).size) == (3, (12, 10))
    np.testing.assert_allclose(read_image(path), np.moveaxis(RGB, -1, 0) / RGB.max(), atol=1e-6)
    planar = saved(
        tmp_path / "p.tif", np.moveaxis(RGB, -1, 0).astype(np.uint8), photometric="rgb", planarconfig="separate"
    )
    np.testing.assert_array_equal(read_image(planar), read_image(path))


def test_alpha_that_hides_nothing_is_dropped(tmp_path: Path) -> None:
    opaque = np.concatenate([RGB, np.full((12, 10, 1), 255)], axis=-1).astype(np.uint8)
    tiff = saved(tmp_path / "t.tif", opaque, photometric="rgb", extrasamples=["unassalpha"])
    for path in (tiff, png(tmp_path / "t.png", opaque)):
        assert read_header(path).channels == 3
        np.testing.assert_allclose(read_image(path), np.moveaxis(RGB, -1, 0) / RGB.max(), atol=1e-6)
    hidden = opaque.copy()
    hidden[3, 3, 3] = 7
    with pytest.raises(ImageError, match=r"h\.png is transparent in places"):
        read_image(png(tmp_path / "h.png", hidden))
    grey = np.stack([RAMP, np.full(RAMP.shape, 255)], axis=-1).astype(np.uint8)
    assert read_image(png(tmp_path / "g.png", grey)).shape == (1, 12, 10)


STACKS: dict[str, tuple[tuple[int, ...], dict, tuple[int, int]]] = {
    "pages": ((4, 12, 10), {"photometric": "minisblack"}, (1, 4)),
    "one page": ((1, 12, 10), {"photometric": "minisblack"}, (1, 1)),
    "colour pages": ((4, 12, 10, 3), {"photometric": "rgb"}, (3, 4)),
    "ImageJ time": ((4, 12, 10), {"imagej": True, "metadata": {"axes": "TYX"}}, (1, 4)),
    "ImageJ time and channels": ((4, 2, 12, 10), {"imagej": True, "metadata": {"axes": "TCYX"}}, (2, 4)),
    "ImageJ time, one slice": ((4, 1, 12, 10), {"imagej": True, "metadata": {"axes": "TZYX"}}, (1, 4)),
    "compressed": ((4, 12, 10), {"photometric": "minisblack", "compression": "lzw"}, (1, 4)),
    "one page for all": ((4, 12, 10), {"truncate": True, "photometric": "minisblack"}, (1, 4)),
    "one page for all, big-endian": (
        (4, 2, 12, 10), {"truncate": True, "byteorder": ">", "metadata": {"axes": "TCYX"}, "photometric": "minisblack"},
        (2, 4),
    ),
    "moments saved as colours": (
        (3, 12, 10), {"metadata": {"axes": "TYX"}, "photometric": "rgb", "planarconfig": "separate"}, (1, 3)
    ),
    "OME channels first": ((2, 4, 12, 10), {"ome": True, "metadata": {"axes": "CTYX"}}, (2, 4)),
    "channels alone": ((3, 12, 10), {"imagej": True, "metadata": {"axes": "CYX"}}, (3, 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", STACKS)
def test_every_plane_of_a_stack_is_found(tmp_path: Path, name: str) -> None:
    shape, options, (channels, planes) = STACKS[name]
    pixels = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    path = saved(tmp_path / "stack.tif", pixels, **options)
    header = read_header(path)
    assert (header.channels, header.planes) == (channels, planes)
    axes = options.get("metadata", {}).get("axes", "")
    first = pixels.swapaxes(0, 1) if axes == "CTYX" else np.moveaxis(pixels, -1, -3) if shape[-1] == 3 else pixels
    expected = first.reshape(planes, channels, *header.size).astype(np.float32)
    for plane in range(planes):
        low, high = expected[plane].min(), expected[plane].max()
        np.testing.assert_allclose(read_image(path, plane), (expected[plane] - low) / (high - low), atol=1e-6)
    if planes == 1:
        assert np.array_equal(read_image(path), read_image(path, 0))
    else:
        with pytest.raises(ImageError, match=f"is a stack of {planes} images"):
            read_image(path)
    with pytest.raises(ImageError, match=f"has no image {planes}: it holds {planes}"):
        read_image(path, planes)


def in_several_files(folder: Path, n_files: int, n_channels: int, n_planes: int) -> list[Path]:
    """Write an OME-TIFF whose planes lie in several files, each with the same words on all of them."""
    paths = [folder / f"part{at}.ome.tif" for at in range(n_files)]
    planes = [(path, ifd) for path in paths for ifd in range(n_planes)]
    data = "".join(
        f'<TiffData FirstC="{at % n_channels}" FirstT="{at // n_channels}" FirstZ="0" IFD="{ifd}" PlaneCount="1">'
        f'<UUID FileName="{path.name}">urn:uuid:{path.stem}</UUID></TiffData>'
        for at, (path, ifd) in enumerate(planes)
    )
    for at, path in enumerate(paths):
        words = (
            f'<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
            f'UUID="urn:uuid:{path.stem}"><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" '
            f'Type="uint8" SizeX="10" SizeY="12" SizeC="{n_channels}" SizeZ="1" SizeT="{len(planes) // n_channels}" '
            f'PhysicalSizeX="0.5" PhysicalSizeY="0.25">{data}</Pixels></Image></OME>'
        )
        pixels = np.stack([np.roll(RAMP, n_planes * at + ifd, 1) for ifd in range(n_planes)]).astype(np.uint8)
        saved(path, pixels, photometric="minisblack", description=words, metadata=None)
    return paths


@pytest.mark.parametrize(("n_files", "n_channels", "n_planes"), [(3, 1, 1), (2, 1, 3), (2, 2, 1)])
def test_of_an_image_in_several_files_each_gives_its_own_planes(
    tmp_path: Path, n_files: int, n_channels: int, n_planes: int
) -> None:
    for at, path in enumerate(in_several_files(tmp_path, n_files, n_channels, n_planes)):
        with tifffile.TiffFile(path) as tif:
            assert tif.series[0].shape[0] == n_files * n_planes, "tifffile itself reads all files"
        header = read_header(path)
        assert (header.channels, header.planes) == (1, n_planes)
        assert header.pixel_size_um == (0.25, 0.5)
        for plane in range(n_planes):
            expected = np.roll(RAMP, n_planes * at + plane, 1) / RAMP.max()
            np.testing.assert_allclose(read_image(path, plane)[0], expected, atol=1e-6)
    (tmp_path / "part0.ome.tif").unlink()
    assert read_header(tmp_path / "part1.ome.tif").planes == n_planes, "no other file is opened"


def test_channels_in_several_files_are_not_taken_for_time(tmp_path: Path) -> None:
    for path in in_several_files(tmp_path, 2, 2, 2):
        with pytest.raises(
            ImageError, match=r"ome\.tif holds 2 planes of an image of several channels that other files"
        ):
            read_header(path)


BAD_IMAGES = {
    "a stack": (np.zeros((3, 12, 10), np.uint8), {"photometric": "minisblack"}, "stack of 3 images"),
    "too many channels": (np.zeros((12, 10, 20), np.uint8), {"planarconfig": "contig"}, "claims 20 channels"),
    "a transparent image": (
        np.stack([RAMP] * 4, axis=-1).astype(np.uint8),
        {"photometric": "rgb", "extrasamples": ["unassalpha"]},
        "transparent in places",
    ),
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
    "colour": (np.eye(12, 30).reshape(12, 10, 3).astype(np.uint8), {"photometric": "rgb"}, "colour image"),
    "a stack": (np.zeros((3, 12, 10), np.uint16), {"photometric": "minisblack"}, "stack of 3 images"),
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


def test_numbers_are_kept_whatever_a_png_shows_for_them(tmp_path: Path) -> None:
    numbers = (RAMP % 5).astype(np.uint8)
    np.testing.assert_array_equal(read_labels(png(tmp_path / "g.png", numbers)), numbers)
    np.testing.assert_array_equal(read_labels(png(tmp_path / "h.png", (RAMP * 500).astype(np.uint16))), RAMP * 500)
    palette = Image.fromarray(numbers)
    palette.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9])
    palette.save(tmp_path / "palette.png")
    np.testing.assert_array_equal(read_labels(tmp_path / "palette.png"), numbers)
    assert read_image(tmp_path / "palette.png").shape == (3, 12, 10)
    Image.fromarray(numbers > 2).save(tmp_path / "bits.png")
    np.testing.assert_array_equal(read_labels(tmp_path / "bits.png"), numbers > 2)
    np.testing.assert_array_equal(read_labels(saved(tmp_path / "bits.tif", numbers > 2)), numbers > 2)
    palette.save(tmp_path / "four.png", bits=4)
    four = bytearray((tmp_path / "four.png").read_bytes())
    four[25] = 0  # grey, four bits
    four[29:33] = zlib.crc32(four[12:29]).to_bytes(4, "big")
    (tmp_path / "four.png").write_bytes(four)
    with pytest.raises(ImageError, match="has 4 bits per pixel"):
        read_labels(tmp_path / "four.png")
    with pytest.raises(ImageError, match="colour image of 3 channels"):
        read_labels(png(tmp_path / "rgb.png", RGB.astype(np.uint8)))


def test_a_jpeg_is_told_for_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "photo.tif").write_bytes(imagecodecs.jpeg8_encode(RAMP.astype(np.uint8)))
    with pytest.raises(ImageError, match=r"photo\.tif is a JPEG, which changes pixel values"):
        read_image(tmp_path / "photo.tif")


def test_two_pages_of_different_kinds_are_refused(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "t.tif") as tif:
        tif.write(RAMP.astype(np.uint8))
        tif.write(RAMP[:6].astype(np.uint16))
    with pytest.raises(ImageError, match=r"has pages of different kinds \(BitsPerSample 8 and BitsPerSample 16\)"):
        read_image(tmp_path / "t.tif")
    with tifffile.TiffWriter(tmp_path / "t.tif") as tif:
        tif.write(RAMP.astype(np.uint8))
        tif.write(RAMP[:6].astype(np.uint8))
    with pytest.raises(ImageError, match="holds 2 images of different kinds"):
        read_image(tmp_path / "t.tif")


@pytest.mark.parametrize("kept_bytes", [0, 1, 4, 9, 100, 900])
def test_a_torn_file_is_one_clear_line(tmp_path: Path, kept_bytes: int) -> None:
    whole = saved(tmp_path / "whole.tif", np.random.default_rng(0).integers(0, 255, (40, 40)).astype(np.uint8))
    torn = tmp_path / "torn.tif"
    torn.write_bytes(whole.read_bytes()[:kept_bytes])
    with pytest.raises(ImageError, match=r"torn\.tif is (empty|not a whole TIFF or PNG)") as raised:
        read_image(torn)
    assert "\n" not in str(raised.value)


def test_a_missing_file_and_a_text_file(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="is missing"):
        read_header(tmp_path / "none.tif")
    (tmp_path / "text.tif").write_text("label begin end parent")
    with pytest.raises(ImageError, match="is neither TIFF nor PNG: export it as OME-TIFF"):
        read_header(tmp_path / "text.tif")


def test_a_huge_header_is_refused_before_pixels_are_read(tmp_path: Path) -> None:
    path = saved(tmp_path / "t.tif", RAMP.astype(np.uint8))
    with tifffile.TiffFile(path, mode="r+b") as tif:
        tif.pages[0].tags["ImageWidth"].overwrite(1_000_000)
        tif.pages[0].tags["ImageLength"].overwrite(1_000_000)
    with pytest.raises(ImageError, match="claims 1000000 x 1000000 pixels"):
        read_image(path)


def chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


def crafted_png(path: Path, width: int, height: int, packed: bytes) -> Path:
    start = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 0, 0, 0, 0])
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", start) + chunk(b"IDAT", packed) + chunk(b"IEND", b""))
    return path


def test_a_png_that_claims_a_million_pixels_a_side(tmp_path: Path) -> None:
    path = crafted_png(tmp_path / "t.png", 10**6, 10**6, zlib.compress(b"0" * 100))
    for read in (read_header, read_image, read_labels):
        with pytest.raises(ImageError, match="claims 1000000 x 1000000 pixels"):
            read(path)
    with pytest.raises(ImageError, match="claims 0 x 10 pixels"):
        read_image(crafted_png(path, 10, 0, b""))


def peak_mib(code: str, path: Path) -> float:
    """Highest memory of a process that reads a file, refusing it or not."""
    program = (
        "import sys\nfrom pathlib import Path\nfrom cellprune.images.read import *\n"
        f"try: {code}\nexcept ImageError: pass\n"
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    answer = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    return float(answer.stdout) / 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux for its memory")
def test_a_small_file_that_unpacks_to_half_a_gigabyte_takes_no_memory(tmp_path: Path) -> None:
    """Decompression bombs: the pixels are ten by ten, what is packed for them is not."""
    packer = zlib.compressobj(1)
    bomb = b"".join(packer.compress(bytes(2**24)) for _ in range(32)) + packer.flush()
    tiff = saved(tmp_path / "t.tif", np.arange(100, dtype=np.uint8).reshape(10, 10), compression="zlib")
    start = tiff.stat().st_size
    with tiff.open("ab") as file:
        file.write(bomb)
    with tifffile.TiffFile(tiff, mode="r+b") as tif:
        tif.pages[0].tags["StripOffsets"].overwrite(start)
        tif.pages[0].tags["StripByteCounts"].overwrite(len(bomb))
    with pytest.raises(ImageError, match="not a whole TIFF or PNG"):
        read_image(tiff)
    for path in (tiff, crafted_png(tmp_path / "t.png", 10, 10, bomb)):
        assert peak_mib("read_image(Path(sys.argv[1]))", path) < 300


def test_normalize_gives_mean_0_and_deviation_1() -> None:
    image = normalize(np.random.default_rng(0).random((2, 50, 40), dtype=np.float32))
    assert image.dtype == np.float32
    for channel in image:
        assert abs(channel.mean(dtype=np.float64)) < 1e-6
        assert channel.std(dtype=np.float64) == pytest.approx(1, abs=1e-6)


def test_a_constant_channel_becomes_0_resized_or_not() -> None:
    image = np.stack([np.random.default_rng(0).random((50, 40)), np.full((50, 40), 0.3)]).astype(np.float32)
    for size in ((50, 40), (32, 32), (64, 128)):
        assert not normalize(resize_image(image, size))[1].any()
        assert normalize(resize_image(image, size))[0].std() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("size", [(20, 24), (32, 64), (48, 64)])
def test_grey_images_are_what_they_were_before_channels_bit_for_bit(tmp_path: Path, size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(20_000, 40_000, (48, 64)).astype(np.uint16)
    before = pixels.astype(np.float32) - pixels.min()
    before = before / before.max()
    if size != before.shape:
        before = resize(before, size, order=1, mode="edge", anti_aliasing=True, preserve_range=True).astype(np.float32)
    mean, std = before.mean(dtype=np.float64), before.std(dtype=np.float64)
    now = normalize(resize_image(read_image(saved(tmp_path / "t.tif", pixels)), size))
    np.testing.assert_array_equal(now[0], ((before - mean) / std).astype(np.float32))


def test_an_image_shrinks_without_aliasing() -> None:
    stripes = np.tile(np.float32([0, 1]), (1, 64, 32))
    assert np.ptp(resize_image(stripes, (16, 16))[..., 2:-2]) < 0.1
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


@settings(max_examples=60, deadline=None)
@given(st.tuples(*[st.integers(1, 60)] * 4), st.sampled_from([1.0, 65535.0, 1e-6]))
def test_an_image_is_resized_as_scikit_image_does_bit_for_bit(sides: tuple[int, ...], scale: float) -> None:
    image = (scale * np.random.default_rng(sides).random((1, *sides[:2]))).astype(np.float32)
    theirs = resize(image[0], sides[2:], order=1, mode="edge", anti_aliasing=True, preserve_range=True)
    assert np.array_equal(resize_image(image, sides[2:])[0], theirs.astype(np.float32))
