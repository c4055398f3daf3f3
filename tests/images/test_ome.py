"""What the words of an OME-TIFF claim, held against the pages that are there."""

from pathlib import Path

import pytest

from cellprune.images.header import ImageError
from cellprune.images.ome import is_alone

FILE = Path("image.ome.tif")


def ome(inside: str, *, root: str = "") -> str:
    return f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"{root}>{inside}</OME>'


def pixels(inside: str = "", **sizes: int) -> str:
    said = " ".join(f'{axis}="{size}"' for axis, size in ({"SizeX": 4, "SizeY": 4} | sizes).items())
    return f"<Image><Pixels {said}>{inside}</Pixels></Image>"


@pytest.mark.parametrize(
    ("inside", "n_pages"),
    [
        (pixels(), 1),
        (pixels(SizeT=3), 3),
        (pixels(SizeT=3, SizeZ=2, SizeC=2), 12),
        (pixels('<Channel SamplesPerPixel="3"/>', SizeC=3), 1),
        (pixels('<Channel SamplesPerPixel="3"/>', SizeC=6), 2),
        (pixels('<Channel SamplesPerPixel="16"/>', SizeC=32), 2),
        (pixels() + pixels(SizeT=2), 3),
        (pixels('<TiffData IFD="0"/><TiffData IFD="1"/>', SizeT=2), 2),
        (pixels('<TiffData PlaneCount="2"/>', SizeT=2), 2),
        (pixels("<TiffData/>"), 1),
        (pixels('<TiffData><UUID FileName="IMAGE.ome.tif">urn:1</UUID></TiffData>'), 1),
        (pixels("<TiffData/>", SizeT=1), 5),
    ],
)
def test_words_that_fit_the_pages_are_about_this_file_alone(inside: str, n_pages: int) -> None:
    assert is_alone(ome(inside), n_pages, FILE) is True


@pytest.mark.parametrize(
    ("xml", "n_pages"),
    [
        (ome(pixels('<TiffData><UUID FileName="other.ome.tif">urn:2</UUID></TiffData>')), 1),
        (ome(pixels("<TiffData><UUID>urn:2</UUID></TiffData>"), root=' UUID="urn:1"'), 1),
        (ome(pixels('<TiffData><UUID FileName="image.ome.tif">urn:1</UUID></TiffData>'
                    '<TiffData><UUID FileName="b.tif">urn:2</UUID></TiffData>', SizeT=9)), 1),
        (ome("<BinaryOnly/>"), 1),
        ("<OME><broken</OME>", 1),
    ],
)  # fmt: skip
def test_words_of_several_files_or_of_no_use_do_not_tell(xml: str, n_pages: int) -> None:
    assert is_alone(xml, n_pages, FILE) is False


@pytest.mark.parametrize(
    ("xml", "n_pages", "said"),
    [
        (ome(pixels(SizeT=3)), 2, "claims 3 planes in its OME description, but holds 2 pages"),
        (ome(pixels(SizeZ=2, SizeC=2)), 3, "claims 4 planes"),
        (ome(pixels('<TiffData IFD="0"/><TiffData IFD="0" PlaneCount="3"/>')), 3, "claims 4 planes"),
        (ome(pixels('<TiffData NumPlanes="9"/>')), 3, "claims 9 planes"),
        (ome(pixels("<TiffData/><TiffData/>")), 3, "claims 6 planes"),
        (ome(pixels(SizeT=0)), 2, "claims sizes below 1"),
        (ome(pixels(SizeY=-1)), 1, "claims sizes below 1"),
        (ome(pixels(SizeC=33)), 2, "claims more channels in its OME description than an image has"),
        (ome("<BinaryOnly/>"), 2, "has 2 planes that only another file describes"),
        ("<OME><broken</OME>", 2, "has a damaged OME description"),
        ("<!DOCTYPE a><OME/>", 1, "has entities in its OME description"),
        ('<!ENTITY a "b"><OME/>', 1, "has entities in its OME description"),
        (ome(pixels() + "<ModuloAlongT/>"), 1, "has planes along further axes"),
    ],
)
def test_words_that_claim_what_is_not_there_are_refused(xml: str, n_pages: int, said: str) -> None:
    with pytest.raises(ImageError) as refusal:
        is_alone(xml, n_pages, FILE)
    assert str(refusal.value).startswith("image.ome.tif ")
    assert said in str(refusal.value)
