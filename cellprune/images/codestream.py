"""How large the image is that a compressed strip or tile claims for itself, read before memory is taken for it.

Source: JPEG, ISO 10918-1, B.2.2; JPEG 2000, ISO 15444-1, A.5.1; JPEG XL, ISO 18181-1, D.2; PNG, ISO 15948, 11.2.2;
WebP, RFC 9649; Lerc2 as Esri's LERC writes it.
"""

from cellprune.images import tiff_tags

LONGEST_START = 2**16  # bytes: a JPEG may bear that much before it comes to its size


def claimed_size(compression: int, start: bytes) -> tuple[int, int]:
    """Give (height, width) from the first bytes of a strip or tile.

    Args:
        compression: the TIFF's tag, one of `SIZED`: of others the strips and tiles have no size of their own.
        start: the first `LONGEST_START` bytes, fewer if there are no more.
    Raises:
        ValueError: no such size is found.
    """
    try:
        return _READERS[compression](start)
    except IndexError as error:
        raise ValueError("a strip or tile is cut short") from error


def _jpeg(start: bytes) -> tuple[int, int]:
    at = 2  # after the start of image
    while at + 9 <= len(start):
        if start[at] != 0xFF:
            break
        marker = start[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a start of frame
            return _big(start, at + 5, 2), _big(start, at + 7, 2)
        at += 1 if marker == 0xFF else 2 + _big(start, at + 2, 2)
    raise ValueError("a JPEG strip or tile without a size")


def _jpeg_2000(start: bytes) -> tuple[int, int]:
    at = start.find(b"\xff\x4f\xff\x51")  # codestream and SIZ, within boxes or without
    if at < 0 or at + 24 > len(start):
        raise ValueError("a JPEG 2000 strip or tile without a size")
    across, down, left, top = (_big(start, at + 8 + 4 * n, 4) for n in range(4))
    return down - top, across - left


def _png(start: bytes) -> tuple[int, int]:
    if start[12:16] != b"IHDR" or len(start) < 24:
        raise ValueError("a PNG strip or tile without a size")
    return _big(start, 20, 4), _big(start, 16, 4)


def _webp(start: bytes) -> tuple[int, int]:
    kind = start[12:16]
    if kind == b"VP8X":
        return _little(start, 27, 3) + 1, _little(start, 24, 3) + 1
    if kind == b"VP8L":
        bits = _little(start, 21, 4)
        return (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1
    if kind == b"VP8 ":
        return _little(start, 28, 2) & 0x3FFF, _little(start, 26, 2) & 0x3FFF
    raise ValueError("a WebP strip or tile without a size")


def _lerc(start: bytes) -> tuple[int, int]:
    if not start.startswith(b"Lerc2 ") or len(start) < 22:
        raise ValueError("a LERC strip or tile without a size")
    at = 14 if _little(start, 6, 4) >= 3 else 10  # a checksum came with the third version
    return _little(start, at, 4), _little(start, at + 4, 4)


def _jpeg_xl(start: bytes) -> tuple[int, int]:
    at = _jpeg_xl_codestream(start)
    if start[at : at + 2] != b"\xff\x0a":
        raise ValueError("a JPEG XL strip or tile without a size")
    bits = _Bits(int.from_bytes(start[at + 2 : at + 18], "little"))
    small = bits.take(1)
    height = _jpeg_xl_side(bits, small)
    ratio = bits.take(3)
    if ratio == 0:
        return height, _jpeg_xl_side(bits, small)
    above, below = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))[ratio - 1]
    return height, height * above // below


def _jpeg_xl_codestream(start: bytes) -> int:
    """Find where the codestream begins: at once, or within a box of a container; one in several boxes is not found."""
    at = 0 if start.startswith(b"\0\0\0\x0cJXL ") else len(start)
    while at + 8 <= len(start):
        size, kind = _big(start, at, 4), start[at + 4 : at + 8]
        if kind in (b"jxlc", b"jxlp") or size < 8:
            return at + 8 if kind == b"jxlc" and size != 1 else len(start)
        at += size
    return 0


def _jpeg_xl_side(bits: "_Bits", small: int) -> int:
    if small:
        return 8 * (bits.take(5) + 1)
    return bits.take((9, 13, 18, 30)[bits.take(2)]) + 1


class _Bits:
    """Bits of a number, the lowest first."""

    def __init__(self, number: int) -> None:
        self._number = number

    def take(self, n_bits: int) -> int:
        taken = self._number & ((1 << n_bits) - 1)
        self._number >>= n_bits
        return taken


def _big(start: bytes, at: int, size: int) -> int:
    return _whole(int.from_bytes(start[at : at + size], "big"), start, at + size)


def _little(start: bytes, at: int, size: int) -> int:
    return _whole(int.from_bytes(start[at : at + size], "little"), start, at + size)


def _whole(number: int, start: bytes, end: int) -> int:
    if end > len(start):
        raise IndexError
    return number


_READERS = {
    **dict.fromkeys(tiff_tags.JPEG, _jpeg), **dict.fromkeys(tiff_tags.JPEG_2000, _jpeg_2000),
    **dict.fromkeys(tiff_tags.PNG, _png), **dict.fromkeys(tiff_tags.WEBP, _webp),
    **dict.fromkeys(tiff_tags.LERC, _lerc), **dict.fromkeys(tiff_tags.JPEG_XL, _jpeg_xl),
}  # fmt: skip
SIZED = _READERS.keys()
