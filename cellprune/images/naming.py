"""How people name images, and label images after their images, in one folder or in two. Names alone: no file is read.

What a name says beyond doubt is taken. `a_seg`, `a_GT` or `a-mask` may also be an image's own name, so these are label
images only where their image, `a`, is there.
"""

import re
from collections.abc import Collection
from os.path import splitext
from unicodedata import normalize

from cellprune.images.read import SUFFIXES

# folders, in any case; the first of each is the one to recommend
IMAGES = ("images", "image", "imgs", "img", "raw")
LABELS = (
    "labels", "label", "masks", "mask", "gt", "ground_truth", "groundtruth", "annotations", "annotation",
)  # fmt: skip
IGNORE = "ignore"
_BEFORE = re.compile(r"masks?[_\- .](?=.)", re.IGNORECASE)  # not label_: label-free microscopy has images of that name
_AFTER = re.compile(
    r"(?<=.)[_\- .](?:(?:cp_)?masks?|labels?|seg|segmentation|gt|ground_?truth|annotations?|instances?)\Z",
    re.IGNORECASE,
)
_CERTAIN = re.compile(r"masks?_.+|.+_(?:masks?|labels?)", re.DOTALL)  # label images also where no image bears the rest
JPEGS = (".jpg", ".jpeg", ".jpe", ".jfif")
_PREDICTED = (*JPEGS, ".zarr", ".czi", ".nd2", ".lif")
_OTHER_FORMATS = {
    # of photographs and pictures
    *JPEGS, ".jp2", ".j2k", ".jpx", ".jpf", ".jxl", ".bmp", ".dib", ".gif", ".webp",
    ".heic", ".heif", ".avif", ".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".psd", ".exr", ".dng",
    # of microscopes and their programs
    ".czi", ".lsm", ".zvi", ".lif", ".lof", ".nd2", ".oib", ".oif", ".oir", ".vsi", ".ims", ".stk", ".tf2",
    ".tf8", ".btf", ".gel", ".ics", ".ids", ".dv", ".r3d", ".flex", ".mrc", ".sld", ".sldy", ".dm3", ".dm4",
    ".ipl", ".ipw", ".svs", ".ndpi", ".scn", ".mrxs", ".mvd2", ".cxd", ".c01", ".dcm", ".nii", ".mha", ".mhd",
    ".nrrd", ".fits", ".zarr", ".n5",
    # of films
    ".avi", ".mp4", ".mov", ".mkv", ".wmv", ".m4v", ".mpg", ".mpeg",
}  # fmt: skip


def ending(name: str) -> str:
    """Give what a name says of its format: its last point and what follows, in lower case; empty without one."""
    return splitext(name)[1].lower()


def is_predicted(name: str) -> bool:
    """Tell whether a name is that of an image that `predict` reads, by itself or with an extra."""
    return ending(name) in (*SUFFIXES, *_PREDICTED)


def is_jpeg(name: str) -> bool:
    """Tell whether a name is a JPEG's."""
    return ending(name) in JPEGS


def is_image(name: str) -> bool:
    """Tell whether a name is a TIFF's or a PNG's."""
    return ending(name) in SUFFIXES


def is_other_format(name: str) -> bool:
    """Tell whether a name is that of an image in a format that is not read here."""
    return ending(name) in _OTHER_FORMATS


def of_text(name: str) -> str:
    """Give the one spelling of a name: an accent is a letter's own on one system and a sign after it on another."""
    return normalize("NFC", name)


def stem_of(name: str) -> str:
    """Give what pairs an image with its labels: the name without `.tif`, `.png`, and without OME's `.ome`."""
    return _without_ome(of_text(splitext(name)[0]))


def affix(stem: str) -> tuple[str, str]:
    """Give what a label image's name has before and after its image's name; two empty words for a bare name."""
    before = _BEFORE.match(stem)
    after = None if before else _AFTER.search(stem)
    return before[0] if before else "", after[0] if after else ""


def stripped(stem: str) -> str:
    """Give the name of the image that a label image of this name belongs to; a bare name as it is."""
    before, after = affix(stem)
    # a.ome_cp_masks.png is what Cellpose writes beside a.ome.tif
    return _without_ome(stem.removeprefix(before).removesuffix(after)) if before or after else stem


def _without_ome(stem: str) -> str:
    return stem[:-4] if stem.lower().endswith(".ome") and len(stem) > 4 else stem


def is_label(stem: str, stems: Collection[str]) -> bool:
    """Tell whether an image is a label image, by its name and those of the images beside it."""
    return any(affix(stem)) and (stripped(stem) in stems or _CERTAIN.fullmatch(stem) is not None)


def of_role(folder: str, names: Collection[str]) -> bool:
    """Tell whether a folder's name is one of some, in any case, and with any sign between its words."""
    return re.sub(r"[ \-]", "_", folder).casefold() in names
