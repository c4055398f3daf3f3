"""What a file claims of itself is held against what it is: counts, sizes, chains, and other formats' first bytes."""

import json
import os
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tiff_pages
import tifffile
from image_readers import refused
from tiff_pages import LONG, page

from cellprune.images import tiff
from cellprune.images.read import read_header, read_image, read_labels

STRIP = bytes(range(100))
SMALL = zlib.compress(STRIP)


def described(path: Path, text: bytes, n_pages: int = 1) -> Path:
    data = STRIP + text + b"\0"
    return tiff_pages.write(path, tiff_pages.described(text, n_pages, 8 + len(STRIP)), data)


def ome(data: str = "<TiffData/>", **sizes: object) -> bytes:
    said = {"SizeX": 10, "SizeY": 10, "SizeC": 1, "SizeZ": 1, "SizeT": 1} | sizes
    return (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        '<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8" '
        + " ".join(f'{name}="{value}"' for name, value in said.items())
        + f">{data}</Pixels></Image></OME>"
    ).encode()


MODULO = (
    b'<StructuredAnnotations><XMLAnnotation ID="a" Namespace="openmicroscopy.org/omero/dimension/modulo"><Value>'
    b'<Modulo><ModuloAlongZ Type="other" Start="0" End="1e12" Step="1"/></Modulo></Value></XMLAnnotation>'
    b"</StructuredAnnotations></OME>"
)
ENTITIES = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><OME>&b;</OME>'

# description, number of pages, what is said
CLAIMS = {
    "OME, a million planes": (ome(SizeT=10**6), 1, "claims 1000000 planes in its OME description, but holds 1 page"),
    "OME, 3e8 planes": (ome(SizeT=3 * 10**8), 1, "claims 300000000 planes"),
    "OME, 3e8 planes at once": (ome('<TiffData PlaneCount="300000000"/>', SizeT=2), 2, "claims 300000000 planes"),
    "OME, more images than pages": (ome().replace(b"</OME>", ome()[ome().index(b"<Image") :]), 1, "claims 2 planes"),
    "OME, no size": (ome(SizeT=-1), 2, "claims sizes below 1"),
    "OME, 5000 digits": (ome(SizeT="9" * 5000), 2, "not a whole TIFF"),
    "OME, larger planes": (ome(SizeX=10**6, SizeT=2), 2, "a description that does not fit its 2 pages"),
    "OME, 1e10 samples a pixel": (ome('<Channel SamplesPerPixel="10000000000"/>', SizeC=10**10), 1, "more channels"),
    "OME, slices": (ome(SizeZ=2), 2, "is a stack of 2 slices in Z, not of moments in time"),
    "OME, another's": (b'<OME xmlns="x"><BinaryOnly/></OME>', 2, "2 planes that only another file describes"),
    "OME, damaged": (b"<OME><x></OME>", 2, "a damaged OME description"),
    "OME, entities": (ENTITIES, 1, "has entities in its OME description"),
    "OME, a trillion steps": (ome().replace(b"</OME>", MODULO), 1, "planes along further axes"),
    "ImageJ, a million frames": (b"ImageJ=1.5\nframes=1000000\n", 1, "a description that does not fit its 1 page:"),
    "ImageJ, a million of four": (b"ImageJ=1.5\nframes=1000000\n", 4, "a description that does not fit its 4 pages:"),
    "ImageJ, two of four": (b"ImageJ=1.5\nimages=2\nframes=2\n", 4, "a description that does not fit its 4 pages:"),
    "ImageJ, channels": (b"ImageJ=1.5\nchannels=9\n", 4, "a description that does not fit its 4 pages:"),
    "ImageJ, below 0": (b"ImageJ=1.5\nframes=-5\n", 4, "a description that does not fit its 4 pages:"),
    "ImageJ, slices": (b"ImageJ=1.5\nimages=4\nslices=4\n", 4, "is a stack of 4 slices in Z, not of moments in time"),
    "shape, a million planes": (json.dumps({"shape": [10**6, 10, 10]}).encode(), 1, "that does not fit its 1 page:"),
    "shape, 1e9 columns": (json.dumps({"shape": [10, 10, 10**9]}).encode(), 1, "that does not fit its 1 page:"),
    "shape, into the pages": (json.dumps({"shape": [2, 10, 10]}).encode(), 1, "that does not fit its 1 page:"),
    "shape, three of two": (json.dumps({"shape": [3, 10, 10]}).encode(), 2, "that does not fit its 2 pages:"),
    "shape, one of two": (json.dumps({"shape": [10, 10]}).encode(), 2, "holds 2 images|does not fit its 2 pages:"),
    "shape, below 0": (json.dumps({"shape": [-1, 10, 10]}).encode(), 1, "that does not fit its 1 page:"),
    "shape, no numbers": (json.dumps({"shape": "x"}).encode(), 1, "is not a whole TIFF"),
    "shape, nested": (b'{"shape": ' + b"[" * 10**5 + b"]" * 10**5 + b"}", 1, "is not a whole TIFF.*nested too deeply"),
}  # fmt: skip


@pytest.mark.parametrize("name", CLAIMS)
def test_a_description_that_claims_other_planes_than_there_are(tmp_path: Path, name: str) -> None:
    text, n_pages, message = CLAIMS[name]
    refused(described(tmp_path / "claims.tif", text, n_pages), message)


@pytest.mark.parametrize(
    ("text", "n_pages"),
    [(ome(SizeX=99), 1), (b"<OME><x></OME>", 1), (b"ImageJ=1.5\nunit=um\n", 1), (b'{"shape": [10, 10]}', 1)],
)
def test_words_of_one_page_that_mistake_nothing_are_passed_over(tmp_path: Path, text: bytes, n_pages: int) -> None:
    path = described(tmp_path / "t.tif", text, n_pages)
    np.testing.assert_array_equal(read_labels(path), np.arange(100).reshape(10, 10))


def around(n_pages: int, back_to: int):
    def make(path: Path) -> None:
        after = 8 + len(STRIP) + back_to * (2 + 12 * len(page()) + 4)
        tiff_pages.write(path, [page() for _ in range(n_pages)], STRIP, after_last=after)

    return make


def of(tags: tiff_pages.Tags, data: bytes = STRIP):
    return lambda path: tiff_pages.write(path, [tags], data)


def packed_as(compression: int, data: bytes, **size: int):
    return of(page(compression=compression, size=len(data), **size), data)


def unshared(path: Path) -> None:
    """Pages that all point at one long list of strips."""
    many = b"\0" * 4 * 20_000
    tags = page() | {273: (LONG, 20_000, 8), 279: (LONG, 20_000, 8)}
    tiff_pages.write(path, [tags] * 50, many)


def sub_directories(path: Path) -> None:
    many = (8).to_bytes(4, "little") * 20_000
    tiff_pages.write(path, [page(offset=8 + len(many)) | {330: (LONG, 20_000, 8)}], many + STRIP)


BLANK = np.zeros((9000, 90), np.uint8)
BLANK_RGB = np.zeros((900, 800, 3), np.uint8)
DAMAGED = {
    "no page": (lambda path: path.write_bytes(b"II*\0" + bytes(60)), "it has no pages"),
    "a circle of three": (around(3, 0), "go round in a circle"),
    "a circle of 150": (around(150, 20), "go round in a circle"),
    "a page that is its own sub-directory": (of(page() | {330: (LONG, 1, 108)}), "go round in a circle"),
    "many sub-directories": (sub_directories, "claims more pages|breaks off|circle"),
    "a chain that leaves the file": (lambda path: tiff_pages.write(path, [page()], STRIP, 2**31), "breaks off within"),
    "a list longer than the file": (of(page() | {273: (LONG, 10**9, 8)}), "than it has room for"),
    "lists that pages share": (unshared, "than it has room for"),
    "16000 x 16000 in 100 bytes": (of(page(16_000, 16_000, size=100)), "claims 16000 x 16000 pixels, more than it can"),
    "16000 x 16000 deflated": (packed_as(8, SMALL, width=16_000, height=16_000), "claims 16000 x 16000 pixels"),
    "a strip beyond the end": (of(page(offset=10**6)), "end beyond the file"),
    "a strip of nothing": (of(page(size=0)), "some of its 1 strips or tiles are missing"),
    "too few strips": (
        of(page(compression=8, size=len(SMALL)) | {278: (LONG, 1, 5)}, SMALL), "some of its 2 strips or tiles are"
    ),
    "tiles of a million rows": (
        of({tag: value for tag, value in page().items() if tag not in (273, 278, 279)}
           | {322: (LONG, 1, 2**20), 323: (LONG, 1, 2**20), 324: (LONG, 1, 8), 325: (LONG, 1, 100)}),
        "claims tiles of 1048576 x 1048576",
    ),
    "a JPEG XL of another size": (
        packed_as(50002, imagecodecs.jpegxl_encode(BLANK, lossless=True)), "claims 9000 x 90 pixels, more than fit"
    ),
    "a JPEG XL in a container, of another size": (
        packed_as(50002, imagecodecs.jpegxl_encode(BLANK, usecontainer=True)), "claims 9000 x 90 pixels, more"
    ),
    "a JPEG 2000 of another size": (packed_as(34712, imagecodecs.jpeg2k_encode(BLANK)), "claims 9000 x 90"),
    "a JPEG of another size": (packed_as(7, imagecodecs.jpeg8_encode(BLANK)), "claims 9000 x 90"),
    "a PNG of another size": (packed_as(34933, imagecodecs.png_encode(BLANK)), "claims 9000 x 90"),
    "a LERC of another size": (packed_as(34887, imagecodecs.lerc_encode(BLANK)), "claims 9000 x 90"),
    "a WebP of another size": (
        packed_as(50001, imagecodecs.webp_encode(BLANK_RGB, lossless=True), photometric=2, samples=3),
        "claims 900 x 800",
    ),
    "a WebP of another size under its old number": (
        packed_as(34927, imagecodecs.webp_encode(BLANK_RGB, lossless=True), photometric=2, samples=3),
        "claims 900 x 800",
    ),
    "a lossy WebP of another size": (
        packed_as(50001, imagecodecs.webp_encode(BLANK_RGB, lossless=False), photometric=2, samples=3),
        "claims 900 x 800",
    ),
    "a JPEG without a size": (packed_as(7, STRIP), "JPEG strip or tile without a size"),
    "a JPEG 2000 without a size": (packed_as(34712, STRIP), "JPEG 2000 strip or tile without a size"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
def test_sizes_and_chains_go_no_further_than_the_file(tmp_path: Path, name: str) -> None:
    make, message = DAMAGED[name]
    make(tmp_path / "damaged.tif")
    refused(tmp_path / "damaged.tif", f"is not a whole TIFF or PNG .*{message}", (read_image,))


@pytest.mark.parametrize("error", [MemoryError(), RecursionError("deep"), OverflowError("far"), KeyError("TIFF")])
def test_whatever_a_decoder_throws_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def throw(*_: object) -> None:
        raise error

    tifffile.imwrite(tmp_path / "t.tif", np.eye(9))
    monkeypatch.setattr(tiff, "directories", throw)
    memory = "needs more memory than there is: cut it into parts"
    refused(tmp_path / "t.tif", memory if isinstance(error, MemoryError) else "is not a whole TIFF or PNG")


STACKS = {
    "pages": {"photometric": "minisblack", "metadata": None, "contiguous": False},
    "packed pages": {"photometric": "minisblack", "metadata": None, "compression": "lzw"},
    "ImageJ": {"imagej": True, "metadata": {"axes": "TYX"}},
    "one page for all": {"photometric": "minisblack", "truncate": True},
    "OME": {"ome": True, "metadata": {"axes": "TYX"}},
}


@pytest.mark.parametrize("name", STACKS)
def test_a_stack_is_parsed_once_for_all_its_planes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    opened: list[Path] = []
    monkeypatch.setattr(
        tiff, "_parsed", lambda path, axes, parsed=tiff._parsed: opened.append(path) or parsed(path, axes)
    )
    pixels = np.random.default_rng(0).integers(0, 255, (300, 8, 8)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "t.tif", pixels, **STACKS[name])
    for plane in range(read_header(tmp_path / "t.tif").planes):
        expected = (pixels[plane] - pixels[plane].min()) / np.ptp(pixels[plane])
        np.testing.assert_allclose(read_image(tmp_path / "t.tif", plane)[0], expected, atol=1e-6)
    assert len(opened) == 1
    os.utime(tmp_path / "t.tif", ns=(1, 1))  # another file of this name
    read_header(tmp_path / "t.tif")
    assert len(opened) == 2
    assert len(tiff._last_stacks) <= 2
    assert all(image.tif.filehandle.closed for image in tiff._last_stacks.values()), (
        "nobody is kept from removing the file"
    )


def test_a_stack_whose_last_planes_are_cut_off_is_refused(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (9, 8, 8)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "t.tif", pixels, photometric="minisblack", truncate=True)
    (tmp_path / "t.tif").write_bytes((tmp_path / "t.tif").read_bytes()[:-70])
    refused(tmp_path / "t.tif", "has a description that does not fit its 1 page")


@pytest.mark.parametrize(("axes", "what"), [("ZYX", "slices in Z"), ("TZYX", "slices in Z"), ("RYX", "positions")])
@pytest.mark.parametrize("kind", ["shaped", "imagej", "ome"])
def test_planes_that_are_no_moments_are_refused_by_name(tmp_path: Path, axes: str, what: str, kind: str) -> None:
    if kind != "shaped" and "R" in axes:
        pytest.skip("only tifffile's own words know this axis")
    pixels = np.zeros((*range(2, len(axes)), 12, 10), np.uint8)
    options = {} if kind == "shaped" else {kind: True}
    tifffile.imwrite(tmp_path / "t.tif", pixels, photometric="minisblack", metadata={"axes": axes}, **options)
    refused(tmp_path / "t.tif", rf"is a stack of \d {what}, not of moments in time: save the one that is meant; if")


def test_a_volume_is_refused(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "t.tif",
        np.zeros((4, 16, 16), np.uint8),
        volumetric=True,
        tile=(16, 16, 16),
        photometric="minisblack",
    )
    refused(tmp_path / "t.tif", "is a stack of 4 slices in Z")
