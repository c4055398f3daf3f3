"""PNG files: as Pillow shows them, their numbers kept, and no further than the file is long."""

import struct
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from image_readers import refused, shown
from numpy.typing import NDArray
from PIL import Image

from cellprune.images.read import ImageError, read_header, read_image, read_labels

STRIP = bytes(range(100))


SMALL = zlib.compress(STRIP)


def test_a_png_that_claims_more_than_its_bytes_can_become(tmp_path: Path) -> None:
    start = (16_000).to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    whole = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", start) + chunk(b"IDAT", SMALL) + chunk(b"IEND", b"")
    (tmp_path / "t.png").write_bytes(whole)
    refused(tmp_path / "t.png", "claims 16000 x 16000 pixels, more than it can hold")
    (tmp_path / "t.png").write_bytes(whole[:-20])
    refused(tmp_path / "t.png", "breaks off within its pixels")


PIXELS = np.random.default_rng(0).integers(0, 250, (20, 30)).astype(np.uint8)


LABELS = (PIXELS // 50).astype(np.uint8)


COLOURS = np.stack([PIXELS, PIXELS[::-1], PIXELS[:, ::-1]], axis=-1)


def chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


def png_with(path: Path, pixels: NDArray, *chunks: tuple[bytes, bytes]) -> Path:
    """Write a PNG with further chunks after its header."""
    plain = imagecodecs.png_encode(pixels)
    path.write_bytes(plain[:33] + b"".join(chunk(*one) for one in chunks) + plain[33:])
    return path


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "P of 2 bits", "P of 4 bits", "RGB", "RGBA", "I;16"])
def test_a_png_is_as_pillow_shows_it(tmp_path: Path, mode: str) -> None:
    options = {}
    if mode == "I;16":
        image = Image.fromarray(PIXELS.astype(np.uint16) * 200)
    elif mode.startswith("P"):
        image = Image.fromarray(LABELS % 4)
        image.putpalette(np.random.default_rng(2).integers(0, 256, 12).astype(np.uint8).tobytes())
        options = {"bits": int(mode[5])} if mode != "P" else {}
    else:
        image = Image.fromarray(COLOURS).convert(mode)
    image.save(tmp_path / "t.png", **options)
    expected = shown(tmp_path / "t.png", {"P": "RGB", "LA": "L", "RGBA": "RGB", "1": "L"}.get(mode.split()[0]))
    np.testing.assert_allclose(read_image(tmp_path / "t.png"), expected, atol=1e-6)


def test_what_is_said_of_a_pngs_display_changes_no_pixel(tmp_path: Path) -> None:
    gamma, significant = (b"gAMA", (50_000).to_bytes(4, "big")), (b"sBIT", b"\4")
    path = png_with(tmp_path / "t.png", PIXELS, gamma, significant)
    np.testing.assert_allclose(read_image(path)[0], PIXELS / PIXELS.max(), atol=1e-6)


def test_a_number_that_a_label_png_shows_transparent_is_a_number(tmp_path: Path) -> None:
    for numbers, key in ((LABELS, b"\0\0"), (LABELS.astype(np.uint16) * 500, b"\3\xe8")):
        path = png_with(tmp_path / "t.png", numbers, (b"tRNS", key))
        np.testing.assert_array_equal(read_labels(path), numbers)
        with pytest.raises(ImageError, match="transparent in places"):
            read_image(path)
    path = png_with(tmp_path / "t.png", LABELS, (b"tRNS", b"\0\x63"))
    assert read_image(path).shape == (1, 20, 30), "no pixel has it"


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_png_that_lies_turned_or_moves_is_refused(tmp_path: Path, order: str) -> None:
    for orientation in (1, 6):
        exif = Image.Exif()
        exif.endian = order
        exif[274] = orientation
        path = png_with(tmp_path / "t.png", PIXELS, (b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")))
        if orientation == 1:
            assert read_header(path).size == (20, 30)
    with pytest.raises(ImageError, match=r"rotated or mirrored \(Orientation 6 in its eXIf chunk\)"):
        read_header(path)
    images = [Image.fromarray(PIXELS), Image.fromarray(PIXELS[::-1])]
    images[0].save(tmp_path / "film.png", save_all=True, append_images=images[1:])
    with pytest.raises(ImageError, match=r"film\.png is an animation of 2 images"):
        read_image(tmp_path / "film.png")


def test_an_interlaced_png_is_read(tmp_path: Path) -> None:
    # one row and one column: each of the seven passes but the first is empty
    start = (1).to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 1])
    content = chunk(b"IHDR", start) + chunk(b"IDAT", zlib.compress(b"\0\7")) + chunk(b"IEND", b"")
    (tmp_path / "t.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    assert read_labels(tmp_path / "t.png").tolist() == [[7]]


def test_numbers_in_a_palette_are_numbers_and_its_colours_the_images(tmp_path: Path) -> None:
    image = Image.fromarray(LABELS)
    image.putpalette([value for number in range(256) for value in (number, 0, 255 - number)])
    image.save(tmp_path / "t.png")
    np.testing.assert_array_equal(read_labels(tmp_path / "t.png"), LABELS)
    assert read_header(tmp_path / "t.png").channels == 3
    assert read_image(tmp_path / "t.png").shape == (3, 20, 30)


@pytest.mark.parametrize(("orientation", "is_refused"), [(0, False), (1, False), (2, True), (8, True), (9, False)])
def test_an_orientation_that_turns_or_mirrors_is_refused(tmp_path: Path, orientation: int, is_refused: bool) -> None:
    exif = b"II*\0\x08\0\0\0" + struct.pack("<HHHIHH", 1, 274, 3, 1, orientation, 0)
    path = png_with(tmp_path / "t.png", PIXELS, (b"eXIf", exif))
    if is_refused:
        with pytest.raises(ImageError, match=f"Orientation {orientation} in its eXIf chunk"):
            read_header(path)
    else:
        assert read_header(path).size == (20, 30)


def test_an_exif_block_without_orientation_says_nothing(tmp_path: Path) -> None:
    for exif in (b"", b"II*\0\x08\0\0\0\0\0", b"MM\0*\0\0\0\x08" + struct.pack(">HHHIHH", 1, 256, 3, 1, 6, 0)):
        assert read_header(png_with(tmp_path / "t.png", PIXELS, (b"eXIf", exif))).size == (20, 30)


def test_what_follows_the_end_is_not_looked_at(tmp_path: Path) -> None:
    path = png_with(tmp_path / "t.png", PIXELS)
    path.write_bytes(path.read_bytes() + b"\xff" * 7)
    np.testing.assert_array_equal(read_labels(path), PIXELS)
