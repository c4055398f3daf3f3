"""The size that a compressed strip claims for itself: read right, and read before memory is taken."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from cellprune.images.codestream import claimed_size
from cellprune.images.read import read_image


@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("size", [(8, 8), (20, 30), (300, 400), (17, 700)])
def test_the_size_that_a_strip_claims_is_read_right(tmp_path: Path, size: tuple[int, int], lossless: bool) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, size).astype(np.uint8)
    colours = np.stack([pixels] * 3, axis=-1)
    for compression, image in (
        *((name, pixels) for name in ("jpegxl", "jpeg2000", "jpeg", "png", "lerc")),
        ("webp", colours),
    ):
        options = {"lossless": lossless} if compression in ("jpegxl", "webp") else None
        tifffile.imwrite(tmp_path / "t.tif", image, compression=compression, compressionargs=options)
        assert read_image(tmp_path / "t.tif").shape[1:] == size, compression


JPEG, JPEG_2000, PNG, WEBP, LERC, JPEG_XL = 7, 34712, 34933, 50001, 34887, 50002


def lerc(version: int, checksum: bytes = b"") -> bytes:
    return b"Lerc2 " + version.to_bytes(4, "little") + checksum + (3).to_bytes(4, "little") + (5).to_bytes(4, "little")


def webp(kind: bytes, content: bytes) -> bytes:
    return b"RIFF\0\0\0\0WEBP" + kind + b"\0\0\0\0" + content


def jpeg_xl(*fields: tuple[int, int]) -> bytes:
    """Pack (value, bits) pairs, the lowest bit first, after the signature."""
    number, at = 0, 0
    for value, n_bits in fields:
        number, at = number | value << at, at + n_bits
    return b"\xff\x0a" + number.to_bytes(16, "little")


@pytest.mark.parametrize(
    ("compression", "start", "size"),
    [
        (LERC, lerc(2) + bytes(4), (3, 5)),
        (LERC, lerc(3, checksum=b"\xaa" * 4), (3, 5)),
        (WEBP, webp(b"VP8X", bytes(4) + (4).to_bytes(3, "little") + (2).to_bytes(3, "little")), (3, 5)),
        (WEBP, webp(b"VP8L", b"\x2f" + ((2 << 14) | 4).to_bytes(4, "little")), (3, 5)),
        (
            WEBP,
            webp(b"VP8 ", bytes(6) + (0x4000 | 5).to_bytes(2, "little") + (0xC000 | 3).to_bytes(2, "little")),
            (3, 5),
        ),
        (JPEG, b"\xff\xd8\xff\xff\xc0\0\x11\x08\0\3\0\5", (3, 5)),
        (JPEG, b"\xff\xd8\xff\xe0\0\4ab\xff\xc2\0\x11\x08\0\3\0\5", (3, 5)),
        (JPEG, b"\xff\xd8\xff\xc4\0\4ab\xff\xc1\0\x11\x08\0\3\0\5", (3, 5)),
        (JPEG_2000, b"box" + b"\xff\x4f\xff\x51" + bytes(4) + b"\0\0\0\7\0\0\0\4\0\0\0\2\0\0\0\1", (3, 5)),
        (PNG, bytes(12) + b"IHDR" + b"\0\0\0\5\0\0\0\3", (3, 5)),
        (JPEG_XL, jpeg_xl((1, 1), (2, 5), (0, 3), (4, 5)), (24, 40)),
        (JPEG_XL, jpeg_xl((1, 1), (2, 5), (1, 3)), (24, 24)),
        (JPEG_XL, jpeg_xl((1, 1), (2, 5), (5, 3)), (24, 42)),
        (JPEG_XL, jpeg_xl((0, 1), (0, 2), (2, 9), (0, 3), (1, 2), (4, 13)), (3, 5)),
        (JPEG_XL, jpeg_xl((0, 1), (2, 2), (99_999, 18), (7, 3)), (100_000, 200_000)),
        (JPEG_XL, b"\0\0\0\x0cJXL " + bytes(4) + b"\0\0\0\x1ajxlc" + jpeg_xl((1, 1), (0, 5), (1, 3)), (8, 8)),
    ],
)
def test_a_size_is_read_from_the_bytes_of_its_format(compression: int, start: bytes, size: tuple[int, int]) -> None:
    assert claimed_size(compression, start) == size


@pytest.mark.parametrize(
    ("compression", "start"),
    [
        (JPEG, b"\xff\xd8\xff\xe0\0\4ab\0\0\0\0\0\0\0\0\0\0\0"),
        (JPEG, b"\xff\xd8"),
        (JPEG_2000, b"\xff\x4f\xff\x51" + bytes(10)),
        (PNG, bytes(12) + b"IHDR" + bytes(4)),
        (PNG, bytes(40)),
        (WEBP, webp(b"VP9 ", bytes(20))),
        (WEBP, webp(b"VP8X", bytes(4))),
        (LERC, b"Lerc3 " + bytes(30)),
        (LERC, lerc(3)),
        (JPEG_XL, b"\xff\x0b" + bytes(16)),
        (JPEG_XL, b"\0\0\0\x0cJXL " + bytes(4) + b"\0\0\0\x1ajxlp" + jpeg_xl((1, 1), (0, 5), (1, 3))),
    ],
)
def test_bytes_without_a_size_are_refused(compression: int, start: bytes) -> None:
    with pytest.raises(ValueError, match=r"strip or tile (without a size|is cut short)"):
        claimed_size(compression, start)
