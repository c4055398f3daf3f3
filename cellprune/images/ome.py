"""What the words of an OME-TIFF claim, held against the pages that are there before anyone builds on them.

Source: OME-XML 2016-06, Pixels, TiffData and Modulo annotations.
"""

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from cellprune.images.header import MAX_CHANNELS, ImageError


def is_alone(xml: str, n_pages: int, path: Path) -> bool:
    """Tell whether the words are about this file alone, so that its planes may be found by them.

    Args:
        xml: the description.
        n_pages: pages in the file.
        path: the file.
    Returns:
        False where planes lie in several files, so that the words do not tell which are here; and for one page
        whose words are of no use, as there is nothing to mistake.
    Raises:
        ImageError: the words claim more planes than there are pages, or axes that are none of ours, or cannot be read.
    """
    if "<!DOCTYPE" in xml or "<!ENTITY" in xml:
        raise ImageError(f"{path} has entities in its OME description, which no microscope writes: save it again")
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError as error:
        if n_pages == 1:
            return False
        raise ImageError(f"{path} has a damaged OME description ({error}): export it again") from error
    if any(_kind(element).startswith("ModuloAlong") for element in root.iter()):
        raise ImageError(f"{path} has planes along further axes (ModuloAlong in its OME description): export one")
    if _names_others(root, path):
        return False
    pixels = list(_all(root, "Pixels"))
    if not pixels:
        if n_pages == 1:
            return False
        raise ImageError(f"{path} has {n_pages} planes that only another file describes: export it as one OME-TIFF")
    if any(int(one.get(f"Size{axis}", 1)) < 1 for one in pixels for axis in "XYZCT"):
        raise ImageError(f"{path} claims sizes below 1 in its OME description: export it again")
    if any(int(one.get("SizeC", 1)) > MAX_CHANNELS * n_pages for one in pixels):  # samples of a pixel count in SizeC
        raise ImageError(f"{path} claims more channels in its OME description than an image has: export it again")
    claimed = max(sum(map(_planes, pixels)), sum(_taken(data, n_pages) for data in _all(root, "TiffData")))
    if claimed > n_pages:
        raise ImageError(
            f"{path} claims {claimed} planes in its OME description, but holds {n_pages} pages: export it again"
        )
    return True


def _planes(pixels: Element) -> int:
    channel = next(_all(pixels, "Channel"), None)
    samples = int(channel.get("SamplesPerPixel", 1)) if channel is not None else 1
    channels = max(1, int(pixels.get("SizeC", 1)) // max(1, samples))
    return channels * int(pixels.get("SizeZ", 1)) * int(pixels.get("SizeT", 1))


def _taken(data: Element, n_pages: int) -> int:
    default = 1 if "IFD" in data.attrib else n_pages
    return int(data.get("PlaneCount", data.get("NumPlanes", default))) or default


def _names_others(root: Element, path: Path) -> bool:
    own = root.get("UUID")
    for uuid in _all(root, "UUID"):
        if own is None and uuid.get("FileName", "").lower() == path.name.lower():
            own = uuid.text
        if uuid.text != own:
            return True
    return False


def _all(element: Element, kind: str) -> Iterator[Element]:
    return (child for child in element.iter() if _kind(child) == kind)


def _kind(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]
