"""The tags of a TIFF that change what its numbers mean or where its pixels lie: each is honoured, or refused by name.

Honoured here: PhotometricInterpretation 0 (min is white: the number is counted down from the brightest), ColorMap,
NewSubfileType (smaller copies are left aside), ExtraSamples (an alpha channel is none of the image). Honoured by
tifffile: BitsPerSample, SampleFormat, FillOrder, PlanarConfiguration, Predictor, strips and tiles. Of no effect, as in
Pillow and ImageMagick: Min- and MaxSampleValue, GrayResponseCurve, Threshholding, TransferFunction, colour profiles.

Source: TIFF 6.0 (Adobe, 1992), sections 3 to 23; Adobe's and libtiff's extensions.
"""

from collections.abc import Sequence
from pathlib import Path

from cellprune.images.header import ImageError
from cellprune.images.ifd import Directory

MIN_IS_WHITE, RGB, PALETTE, YCBCR = 0, 2, 3, 6  # of PhotometricInterpretation
ALPHA = (1, 2)  # of ExtraSamples: premultiplied or not
_MIN_IS_BLACK = 1
_REDUCED, _MASK = 1, 4  # bits of NewSubfileType
_UNSIGNED, _VOID = 1, 4  # of SampleFormat; void is read as unsigned, as the standard asks

_NAMES = {
    254: "NewSubfileType", 255: "SubfileType", 256: "ImageWidth", 257: "ImageLength", 258: "BitsPerSample",
    259: "Compression", 262: "PhotometricInterpretation", 266: "FillOrder", 274: "Orientation",
    277: "SamplesPerPixel", 284: "PlanarConfiguration", 317: "Predictor", 320: "ColorMap", 338: "ExtraSamples",
    339: "SampleFormat", 346: "Indexed", 34412: "CZ_LSMINFO",
}  # fmt: skip
WANTED = frozenset(_NAMES)
_ALIKE = (258, 259, 262, 266, 274, 277, 284, 317, 338, 339)  # in all pages of a stack
_UNKNOWN_COLOURS = {
    4: "a transparency mask", 5: "CMYK", 8: "CIELab", 9: "ICCLab", 10: "ITULab", 32803: "a colour filter array",
    32844: "LogL", 32845: "LogLuv", 34892: "a camera's raw colours", 51177: "a depth map",
}  # fmt: skip

LOSSLESS = {
    1: "uncompressed", 2: "CCITT", 3: "CCITT fax 3", 4: "CCITT fax 4", 5: "LZW", 8: "Deflate", 32946: "Deflate",
    32773: "PackBits", 34925: "LZMA", 34926: "ZSTD", 50000: "ZSTD", 34933: "PNG",
}  # fmt: skip
JPEG, JPEG_2000, JPEG_XL = (7, 33007), (33004, 33005, 34712), (50002, 52546)
WEBP, LERC, PNG = (34927, 50001), (34887,), (34933,)
_PERHAPS_LOSSY = {
    **dict.fromkeys(JPEG, "JPEG"), **dict.fromkeys(JPEG_2000, "JPEG 2000"), **dict.fromkeys(LERC, "LERC"),
    **dict.fromkeys(WEBP, "WebP"), **dict.fromkeys(JPEG_XL, "JPEG XL"),
}  # fmt: skip
_PREDICTING = (5, 8, 32946, 34925, 34926, 50000)  # with others libtiff ignores a predictor, tifffile does not


def is_smaller_copy(page: Directory) -> bool:
    """Tell a thumbnail, or a level of a pyramid."""
    return bool(page.value(254) & _REDUCED) or page.value(255) == 2


def check(pages: Sequence[Directory], path: Path) -> None:
    """Refuse what is neither honoured nor of no effect.

    Args:
        pages: of the file's chain, smaller copies included.
    Raises:
        ImageError: names the tag and its value.
    """
    smaller = [page for page in pages if is_smaller_copy(page)]
    full = [page for page in pages if not is_smaller_copy(page)] or smaller
    for page in full:
        if page.unread:
            raise ImageError(
                f"{path} has no whole number as its {_NAMES[page.unread[0]]} that all programs read: save it again"
            )
        if page.value(254) & _MASK:
            raise ImageError(f"{path} holds a transparency mask ({_shown(254, page)}): save it without")
        for tag in _ALIKE:
            if page.tags.get(tag) != full[0].tags.get(tag) and _meant(tag, page) != _meant(tag, full[0]):
                shown = " and ".join(_shown(tag, one) for one in (full[0], page))
                raise ImageError(f"{path} has pages of different kinds ({shown}): save the one that is meant")
    sizes = {(page.value(256), page.value(257)) for page in full}
    for page in smaller if full is not smaller else ():
        if (page.value(256), page.value(257)) in sizes:
            raise ImageError(f"{path} calls a page of full size a smaller copy ({_shown(254, page)}): save it again")
    if reason := _refusal(full[0]):
        raise ImageError(f"{path} {reason}")


def _meant(tag: int, page: Directory) -> object:
    values = page.tags.get(tag, ())
    # an absent tag means 1, and one value may stand for all channels; not so of these two
    return values if tag in (262, 338) else set(values or (1,))


def _refusal(page: Directory) -> str | None:
    """Say what cannot be read rightly, and what to do; None when all is well."""
    samples, compression = page.value(277, 1), page.value(259, 1)
    extra = page.tags.get(338, ())
    if 262 not in page.tags:
        return "does not say whether 0 is black or white (no PhotometricInterpretation): save it again"
    if (colour := _colour_refusal(page, samples, compression)) is not None:
        return colour
    if 2 <= page.value(274, 1) <= 8:  # others mean nothing
        return f"is stored rotated or mirrored ({_shown(274, page)}), which programs show differently: save it upright"
    for tag in (258, 339):
        if len(set(page.tags.get(tag, ())[:samples])) > 1:
            return f"has channels of different kinds ({_shown(tag, page)}): save all as one kind"
    if any(kind in ALPHA for kind in extra[:-1]):
        return f"has an alpha channel before its last ({_shown(338, page)}): save it without alpha channel"
    if compression not in LOSSLESS and compression not in _PERHAPS_LOSSY:
        return f"is compressed in a way that cellprune does not read ({_shown(259, page)}): save it with LZW or Deflate"
    if page.value(317, 1) != 1 and _differs_by_program(page, compression):
        kind = ", ".join(_shown(tag, page) for tag in (317, 259, 258))
        return f"is saved as differences, which programs read differently ({kind}): save it again"
    return None


def _differs_by_program(page: Directory, compression: int) -> bool:
    """Tell where tifffile undoes a predictor and libtiff does not, or cannot; LSM files have one and mean none."""
    undone = compression in LOSSLESS and 34412 not in page.tags
    return undone and (compression not in _PREDICTING or page.value(258, 1) % 8 != 0)


def _colour_refusal(page: Directory, samples: int, compression: int) -> str | None:
    colour, said = page.value(262), _shown(262, page)
    if colour == YCBCR and compression in JPEG:  # the decoder gives RGB
        return None
    if colour in _UNKNOWN_COLOURS:
        return f"holds {_UNKNOWN_COLOURS[colour]} ({said}): save it as grey or RGB"
    if colour not in (MIN_IS_WHITE, _MIN_IS_BLACK, RGB, PALETTE):
        return f"has colours that cellprune does not read ({said}): save it as grey or RGB"
    if colour == MIN_IS_WHITE and page.value(339, _UNSIGNED) not in (_UNSIGNED, _VOID):
        return f"counts down from white ({said}), but its numbers are signed or have fractions: save it as min-is-black"
    if colour == RGB and (samples < 3 or (samples > 3 and 338 not in page.tags)):
        return f"is RGB of {samples} channels and does not say what they are (no ExtraSamples): save it again"
    if colour == PALETTE and (samples != 1 or 320 not in page.tags):
        return f"has a palette ({said}), but {samples} channels or no ColorMap: save it as grey or RGB"
    if colour != PALETTE and page.value(346) == 1:
        return f"has numbers of colours without a palette ({_shown(346, page)}): save it as grey or RGB"
    return None


def require_lossless(page: Directory, path: Path) -> None:
    """Refuse a compression that may change pixel values, in an image whose numbers stand for cells.

    Raises:
        ImageError: names the compression.
    """
    compression = page.value(259, 1)
    if compression not in LOSSLESS:
        raise ImageError(
            f"{path} is compressed with {_PERHAPS_LOSSY[compression]}, which may change the numbers of cells: save "
            "the labels with LZW, Deflate or uncompressed"
        )


def _shown(tag: int, page: Directory) -> str:
    return f"{_NAMES[tag]} {', '.join(map(str, page.tags.get(tag, ()))) or 'absent'}"
