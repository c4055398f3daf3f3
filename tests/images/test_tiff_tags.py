"""What tags and chunks make of numbers: as Pillow shows them, or refused by the tag's name."""

import struct
from pathlib import Path

import numpy as np
import pytest
import tiff_pages
import tifffile
from image_readers import shown
from numpy.typing import NDArray
from PIL import Image

from cellprune.images.read import ImageError, read_header, read_image, read_labels

PIXELS = np.random.default_rng(0).integers(0, 250, (20, 30)).astype(np.uint8)
LABELS = (PIXELS // 50).astype(np.uint8)
COLOURS = np.stack([PIXELS, PIXELS[::-1], PIXELS[:, ::-1]], axis=-1)


def packed(numbers: NDArray, bits: int) -> bytes:
    """Pack rows of numbers of 1, 2, 4 or 8 bits, the first in the highest bits."""
    each = (numbers[..., None] >> np.arange(bits)[::-1]) & 1
    return np.packbits(each.reshape(len(numbers), -1).astype(np.uint8), axis=1).tobytes()


def reversed_bits(data: bytes) -> bytes:
    return np.packbits(np.unpackbits(np.frombuffer(data, np.uint8)).reshape(-1, 8)[:, ::-1]).tobytes()


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("fill_order", [1, 2])
@pytest.mark.parametrize("photometric", [0, 1])
def test_white_or_black_first_and_bits_in_either_order(
    tmp_path: Path, bits: int, fill_order: int, photometric: int
) -> None:
    numbers = (np.arange(20 * 32).reshape(20, 32) * 7 % 2**bits).astype(np.uint8)
    data = packed(numbers, bits)
    tags = tiff_pages.page(32, 20, bits=bits, photometric=photometric, size=len(data))
    data = reversed_bits(data) if fill_order == 2 else data
    path = tiff_pages.write(tmp_path / "t.tif", [tags | {266: (tiff_pages.SHORT, 1, fill_order)}], data)
    meant = numbers if photometric else 2**bits - 1 - numbers
    np.testing.assert_array_equal(read_labels(path), meant)
    if bits > 1:
        np.testing.assert_allclose(read_image(path)[0], meant / meant.max(), atol=1e-6)
    if (bits, fill_order) != (8, 2) or photometric:  # the one that Pillow does not read
        expected = shown(path)[0]
        np.testing.assert_allclose(meant / meant.max(), expected, atol=1e-6)


@pytest.mark.parametrize("dtype", ["uint16", "uint32"])
def test_wide_numbers_are_counted_down_from_white(tmp_path: Path, dtype: str) -> None:
    tifffile.imwrite(tmp_path / "t.tif", PIXELS.astype(dtype), photometric="miniswhite")
    np.testing.assert_allclose(read_image(tmp_path / "t.tif")[0], 1 - PIXELS / PIXELS.max(), atol=1e-6)


def test_a_mask_that_pillow_writes_white_first_has_its_cells_where_pillow_has_them(tmp_path: Path) -> None:
    for compression in (None, "group4", "tiff_lzw", "packbits"):
        Image.fromarray(LABELS > 2).save(tmp_path / "t.tif", tiffinfo={262: 0}, compression=compression)
        np.testing.assert_array_equal(read_labels(tmp_path / "t.tif"), shown(tmp_path / "t.tif")[0], str(compression))


def test_a_mask_of_true_and_false_is_what_tifffile_was_given(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "t.tif", LABELS > 2)  # it marks such masks white first, and counts from black
    np.testing.assert_array_equal(read_labels(tmp_path / "t.tif"), LABELS > 2)


@pytest.mark.parametrize("kind", ["grey", "colours", "pages"])
def test_a_palette_is_looked_up_for_images_and_left_to_labels(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "t.tif"
    palettes = np.random.default_rng(1).integers(0, 256, (2, 3, 256)).astype(np.uint16) * 257
    if kind == "grey":
        palettes[0, 1:] = palettes[0, 0]
    with tifffile.TiffWriter(path) as tif:
        for palette in palettes[: 2 if kind == "pages" else 1]:
            tif.write(LABELS, photometric="palette", colormap=palette, metadata=None)
    expected = [(palette >> 8)[:, LABELS].astype(np.float64) for palette in palettes]
    expected = [(image - image.min()) / (image.max() - image.min()) for image in expected]
    if kind == "pages":  # each has its own
        for plane in (0, 1):
            np.testing.assert_allclose(read_image(path, plane), expected[plane], atol=1e-6)
        return
    assert (read_header(path).channels, read_header(path).dtype) == (3, np.uint8)
    np.testing.assert_allclose(read_image(path), shown(path, "RGB"), atol=1e-6)
    np.testing.assert_allclose(read_image(path), expected[0], atol=1e-6)
    assert read_image(path, channels=1).shape == ((1 if kind == "grey" else 3), 20, 30)
    np.testing.assert_array_equal(read_labels(path), LABELS)


def test_what_imagej_shows_an_image_in_is_no_colour_of_it(tmp_path: Path) -> None:
    green = np.zeros((3, 256), np.uint16)
    green[1] = np.arange(256) * 257
    for palette, channels in ((green, 1), (green[:, ::-1], 3)):
        tifffile.imwrite(
            tmp_path / "t.tif",
            PIXELS,
            photometric="palette",
            colormap=palette,
            description="ImageJ=1.54\n",
            metadata=None,
        )
        assert read_header(tmp_path / "t.tif").channels == channels
        expected = PIXELS[None] / PIXELS.max() if channels == 1 else shown(tmp_path / "t.tif", "RGB")
        np.testing.assert_allclose(read_image(tmp_path / "t.tif"), expected, atol=1e-6)


def with_tag(tag: int, *values: int, kind: int = 3, **options: object):
    return lambda path: tifffile.imwrite(
        path, PIXELS, metadata=None, extratags=[(tag, kind, len(values), values if len(values) > 1 else values[0])],
        **options,
    )  # fmt: skip


def by_hand(**changed: int):
    tags = {name: changed.pop(name) for name in list(changed) if name.startswith("t")}
    more = {int(name[1:]): (tiff_pages.SHORT, 1, value) for name, value in tags.items()}
    return lambda path: tiff_pages.write(path, [tiff_pages.page(**changed) | more], bytes(range(100)) * 4)


def saved_as(mode: str):
    return lambda path: Image.fromarray(COLOURS).convert(mode).save(path)


def in_lab(path: Path) -> None:
    tiff_pages.write(path, [tiff_pages.page(photometric=8, samples=3, size=300)], bytes(300))


def two_pages(**second: int):
    return lambda path: tiff_pages.write(
        path, [tiff_pages.page(), tiff_pages.page(**second)], np.arange(800).astype(np.uint8).tobytes()
    )


def no_photometric(path: Path) -> None:
    tiff_pages.write(path, [{tag: value for tag, value in tiff_pages.page().items() if tag != 262}], bytes(range(100)))


def in_bytes(tag: int, value: int):
    return lambda path: tiff_pages.write(
        path, [tiff_pages.page() | {tag: (tiff_pages.BYTE, 1, value)}], bytes(range(100))
    )


def with_an_image_inside(path: Path) -> None:
    with tifffile.TiffWriter(path) as tif:
        tif.write(PIXELS, subifds=1, metadata=None)
        tif.write(PIXELS[::-1], metadata=None)


def in_fractions(tag: int, value: float):
    inline = (11, 1, struct.pack("<f", value))
    return lambda path: tiff_pages.write(path, [tiff_pages.page() | {tag: inline}], bytes(range(100)))


REFUSED = {
    **{f"orientation {n}": (with_tag(274, n), f"is stored rotated or mirrored .Orientation {n}")
       for n in range(2, 9)},
    "orientation 6 as a fraction": (in_fractions(274, 6), "has no whole number as its Orientation"),
    "black first as a fraction": (in_fractions(262, 1), "has no whole number as its PhotometricInterpretation"),
    "one plane, as a byte": (in_bytes(284, 1), "no whole number as its PlanarConfiguration that all programs read"),
    "an image inside a page": (with_an_image_inside, "holds images inside its 1 page .SubIFDs"),
    "CMYK": (saved_as("CMYK"), "holds CMYK .PhotometricInterpretation 5"),
    "YCbCr": (saved_as("YCbCr"), "has colours that cellprune does not read .PhotometricInterpretation 6"),
    "Lab": (in_lab, "holds CIELab .PhotometricInterpretation 8"),
    "a colour filter array": (by_hand(photometric=32803), "a colour filter array .PhotometricInterpretation 32803"),
    "a transparency mask": (by_hand(t254=4), "a transparency mask .NewSubfileType 4"),
    "a mask by photometric": (by_hand(photometric=4), "a transparency mask .PhotometricInterpretation 4"),
    "no photometric": (no_photometric, "does not say whether 0 is black or white"),
    "white first, signed": (by_hand(photometric=0, t339=2), "counts down from white .PhotometricInterpretation 0"),
    "white first, float": (by_hand(photometric=0, t339=3, bits=32, size=400), "counts down from white"),
    "a palette without colours": (by_hand(photometric=3), "has a palette .PhotometricInterpretation 3.*no ColorMap"),
    "indexed": (by_hand(t346=1), "numbers of colours without a palette .Indexed 1"),
    "RGB of one channel": (by_hand(photometric=2), "is RGB of 1 channels"),
    "RGB and what": (by_hand(photometric=2, samples=4, size=400), "is RGB of 4 channels .*no ExtraSamples"),
    "a predictor alone": (by_hand(t317=2), "saved as differences, .*Predictor 2, Compression 1"),
    "differences of 4 bits": (by_hand(t317=2, bits=4, compression=5), "Predictor 2, Compression 5, BitsPerSample 4"),
    "an unknown compression": (by_hand(compression=34715), "compressed in a way .*Compression 34715"),
    "old JPEG": (by_hand(compression=6), "compressed in a way .*Compression 6"),
    "24 bits, signed": (by_hand(bits=24, t339=2, size=300), "of a kind .*BitsPerSample 24, SampleFormat 2"),
    "pages white and black first": (two_pages(photometric=0), "different kinds .PhotometricInterpretation 1 and"),
    "pages of unlike compression": (two_pages(compression=5), "different kinds .Compression 1 and Compression 5"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_tag_that_is_not_honoured_is_named(tmp_path: Path, name: str) -> None:
    make, message = REFUSED[name]
    make(tmp_path / "odd.tif")
    for read in (read_header, read_image, read_labels):
        with pytest.raises(ImageError, match=rf"odd\.tif .*{message}") as raised:
            read(tmp_path / "odd.tif")
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("channel", range(2))
def test_channels_of_unlike_bits_and_alpha_before_the_last_are_refused(tmp_path: Path, channel: int) -> None:
    tags = tiff_pages.page(photometric=1, samples=2, size=200)
    odd = ({258: (tiff_pages.SHORT, 2, b"\x08\0\x04\0")}, {338: (tiff_pages.SHORT, 2, b"\x02\0\0\0"), 277: (3, 1, 3)})
    tiff_pages.write(tmp_path / "t.tif", [tags | odd[channel]], bytes(400))
    with pytest.raises(ImageError, match=("BitsPerSample 8, 4", "ExtraSamples 2, 0")[channel]):
        read_image(tmp_path / "t.tif")


HONOURED = {
    "upright": with_tag(274, 1),
    "no orientation at all": with_tag(274, 0),
    "void is unsigned": by_hand(t339=4),
    "halftoned": with_tag(263, 2),
    "a range of numbers": with_tag(281, 7),
    "a response curve": with_tag(291, *range(256)),
    "differences": lambda path: tifffile.imwrite(path, PIXELS, compression="lzw", predictor=True),
    "tiles": lambda path: tifffile.imwrite(path, PIXELS, tile=(16, 16), compression="zlib"),
    "strips": lambda path: tifffile.imwrite(path, PIXELS, rowsperstrip=3, compression="packbits"),
    "big-endian": lambda path: tifffile.imwrite(path, PIXELS.astype(np.uint16) * 200, byteorder=">"),
    "BigTIFF": lambda path: tifffile.imwrite(path, PIXELS, bigtiff=True),
    "JPEG": lambda path: tifffile.imwrite(path, PIXELS, compression="jpeg"),
    "JPEG in colour": lambda path: tifffile.imwrite(path, COLOURS, compression="jpeg", photometric="rgb"),
    "JPEG in YCbCr": lambda path: Image.fromarray(COLOURS).convert("YCbCr").save(path, compression="jpeg"),
    "colour by channel": lambda path: tifffile.imwrite(
        path, np.moveaxis(COLOURS, -1, 0), photometric="rgb", planarconfig="separate"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HONOURED)
def test_what_is_honoured_is_as_pillow_shows_it(tmp_path: Path, name: str) -> None:
    HONOURED[name](tmp_path / "t.tif")
    expected = np.arange(100).reshape(1, 10, 10) / 99 if "void" in name else shown(tmp_path / "t.tif")
    np.testing.assert_allclose(read_image(tmp_path / "t.tif"), expected, atol=1e-6)


@pytest.mark.parametrize("flag", [{"subfiletype": 1}, {"extratags": [(255, 3, 1, 2)]}])
def test_a_thumbnail_is_left_aside_wherever_it_stands(tmp_path: Path, flag: dict) -> None:
    small = {"metadata": None, **flag}
    for order in ((PIXELS, {"metadata": None}), (PIXELS[::2, ::3], small)), (
        (PIXELS[::2, ::3], small), (PIXELS, {"metadata": None}),
    ):  # fmt: skip
        with tifffile.TiffWriter(tmp_path / "t.tif") as tif:
            for pixels, options in order:
                tif.write(pixels, **options)
        np.testing.assert_array_equal(read_labels(tmp_path / "t.tif"), PIXELS)
    with tifffile.TiffWriter(tmp_path / "t.tif", shaped=True) as tif:  # with tifffile's own words on both
        tif.write(PIXELS[::2, ::3], **flag)
        tif.write(PIXELS)
    np.testing.assert_array_equal(read_labels(tmp_path / "t.tif"), PIXELS)
    with tifffile.TiffWriter(tmp_path / "t.tif") as tif:
        for options in ({"metadata": None}, small):
            tif.write(PIXELS, **options)
    with pytest.raises(ImageError, match=r"calls a page of full size a smaller copy \(NewSubfileType"):
        read_header(tmp_path / "t.tif")


def test_a_pyramid_is_its_largest_level(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "t.tif", ome=True) as tif:
        tif.write(np.kron(PIXELS, np.ones((2, 2), np.uint8)), subifds=1, tile=(16, 16))
        tif.write(PIXELS, subfiletype=1, tile=(16, 16))
    assert read_header(tmp_path / "t.tif").size == (40, 60)


@pytest.mark.parametrize("compression", ["lzw", "zlib", "packbits", "zstd", "lzma", "png", None])
def test_labels_are_read_from_what_changes_no_number(tmp_path: Path, compression: str | None) -> None:
    tifffile.imwrite(tmp_path / "t.tif", LABELS, compression=compression)
    np.testing.assert_array_equal(read_labels(tmp_path / "t.tif"), LABELS)


@pytest.mark.parametrize(
    ("compression", "said"),
    [("jpeg", "JPEG"), ("jpeg2000", "JPEG 2000"), ("jpegxl", "JPEG XL"), ("lerc", "LERC"), ("webp", "WebP")],
)
def test_labels_in_what_may_change_numbers_are_refused_by_its_name(tmp_path: Path, compression: str, said: str) -> None:
    pixels = np.stack([LABELS] * 3, axis=-1) if compression == "webp" else LABELS
    tifffile.imwrite(tmp_path / "t.tif", pixels, compression=compression)
    with pytest.raises(ImageError, match=rf"t\.tif is compressed with {said}, which may change the numbers of cells"):
        read_labels(tmp_path / "t.tif")
    assert read_image(tmp_path / "t.tif").shape[1:] == LABELS.shape, "an image may be compressed so"


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_equal_channels_are_one_where_one_is_wanted(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"t.{suffix}"
    Image.fromarray(np.stack([LABELS] * 3, axis=-1)).save(path)
    grey = LABELS[None] / LABELS.max()
    np.testing.assert_allclose(read_image(path, channels=1), grey, atol=1e-6)
    np.testing.assert_allclose(read_image(path, channels=3), np.repeat(grey, 3, 0), atol=1e-6)
    assert read_image(path).shape == (3, 20, 30)
    np.testing.assert_array_equal(read_labels(path), LABELS)
    Image.fromarray(COLOURS).save(path)
    assert read_image(path, channels=1).shape == (3, 20, 30)
