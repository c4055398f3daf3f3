"""What to say of a folder that is no data set as it is: what was seen in it, and the way from there.

Some layouts are known well enough to be named: one file per cell, as the Data Science Bowl 2018 has it, and Cellpose's
own files. They are not read, since what belongs together is not certain or a program may be hidden inside.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from cellprune.errors import CellpruneError
from cellprune.files.listing import Entry, listed
from cellprune.images import naming
from cellprune.images.aside import EXPORT, first, is_misnamed, seen
from cellprune.images.naming import IMAGES, LABELS, of_role
from cellprune.wording import many

WAYS = "put images into images/ and labels of the same names into labels/, or NAME_masks.tif beside each NAME.tif"
_CELLPOSE = "_seg.npy"
_LOOKED_AT = 3  # folders that tell the layout of all


class LayoutError(CellpruneError):
    """A folder that is not laid out as a data set is."""


def without_images(folder: Path, place: Path, lone: Sequence[Path], broken: Sequence[str]) -> LayoutError:
    """Say that a folder has no image: it is of no known layout, or its images are of another format, or are not there.

    Args:
        folder: what was named.
        place: where its images were looked for.
        lone: label images that are there.
        broken: sentences on images that cannot be opened.
    """
    inside = listed(place)
    if broken:
        return LayoutError(first(broken))
    if others := [entry for entry in inside if naming.is_other_format(entry.name) or is_misnamed(entry)]:
        return LayoutError(f"{place} holds no TIFF or PNG images, but {seen(others)}: {EXPORT}")
    if lone:
        return LayoutError(f"{lone[0]} holds labels, but {place} has no images: put them beside")
    folders = [entry.path for entry in inside if entry.kind == "folder"]
    if cells := next((path for path in folders[:_LOOKED_AT] if _is_one_file_per_cell(path)), None):
        return _one_file_per_cell(f"{folder} has a folder for each image ({cells.name})")
    nested = next((path for path in folders if _has(path, IMAGES)), None)
    files = f" (but {others_seen})" if (others_seen := seen(inside)) else ""
    advice = f"did you mean {nested}?" if nested else WAYS
    if not nested and folders:
        files = files or f" (but folders: {', '.join(path.name for path in folders[:3])})"
    return LayoutError(f"{folder} holds no sequences (01, 01_GT) and no TIFF or PNG images{files}: {advice}")


def without_folder_of_images(folder: Path, labels_at: Path) -> LayoutError:
    """Say that a folder has a folder of labels and none of images: what is there instead, and where images belong."""
    place, inside = folder / IMAGES[0], listed(folder)
    if any(entry.kind == "file" and naming.is_image(entry.name) for entry in inside):
        return LayoutError(f"{folder} holds {labels_at.name}/, but its images lie beside it: move them into {place}")
    if others := [entry for entry in inside if naming.is_other_format(entry.name) or is_misnamed(entry)]:
        return LayoutError(f"{folder} holds no TIFF or PNG images, but {seen(others)}: {EXPORT}, into {place}")
    stems = [naming.stripped(naming.stem_of(entry.name)) for entry in listed(labels_at)]
    other = next((e.path for e in inside if e.kind == "folder" and _fits(e, stems, labels_at)), None)
    if other is not None:
        return LayoutError(f"{labels_at} holds labels, but {folder} no images; if {other} holds them, name it {place}")
    return LayoutError(f"{labels_at} holds labels, but {folder} no images: put them into {place}")


def without_labels(
    folder: Path, images_at: Path, labels_at: Path, stems: Sequence[str], lone: Sequence[Path], broken: Sequence[str]
) -> LayoutError:
    """Say that no image of a folder has labels; arguments as of `without_images`, and the images' stems."""
    start = f"{folder} holds {many(len(stems), 'image')} but no labels for any"
    inside = listed(labels_at) if labels_at.is_dir() else []
    if broken:
        return LayoutError(f"{start}; {broken[0]}")
    if any(entry.name.endswith(_CELLPOSE) for entry in (*inside, *listed(images_at))):
        return LayoutError(
            f"{start}; NAME_seg.npy is Cellpose's own format: make a data set of it with 'cellprune data import "
            f"{folder} -o NEW', and use NEW"
        )
    if _are_cells(lone, stems) or any(entry.kind == "folder" and entry.name in stems for entry in inside):
        return _one_file_per_cell(start)
    if lone:
        return LayoutError(f"{start}; the name {lone[0].name} fits none of them ({stems[0]}, ...): {WAYS}")
    if labels_at != images_at and inside:
        lossy = ", and a JPEG changes the numbers of cells" if any(naming.is_jpeg(e.name) for e in inside) else ""
        holds = f"{labels_at} holds {seen(inside) or 'folders'}{lossy}"
        return LayoutError(f"{start}; {holds}: save label images, TIFF or PNG")
    other = next((e.path for e in listed(folder) if e.kind == "folder" and _fits(e, stems, images_at)), None)
    if other is not None:
        return LayoutError(f"{start}; if {other} holds them, name it {other.with_name(LABELS[0])}")
    return LayoutError(f"{start}: {WAYS}")


def _one_file_per_cell(start: str) -> LayoutError:
    return LayoutError(
        f"{start}; the labels are one file per cell, as in the Data Science Bowl 2018: 'cellprune data import' draws "
        "the cells of each image into one label image (images/NAME.png with masks/NAME/*.png, or "
        "NAME/images/NAME.png with NAME/masks/*.png)"
    )


def _is_one_file_per_cell(folder: Path) -> bool:
    """Tell the Bowl's layout: ID/images/ID.png, ID/masks/*.png."""
    folders = [entry for entry in listed(folder) if entry.kind == "folder"]
    images = next((e.path for e in folders if of_role(e.name, IMAGES)), None)
    if images is None or not any(of_role(e.name, LABELS) for e in folders):
        return False
    return any(naming.stem_of(e.name) == folder.name for e in listed(images))


def _are_cells(lone: Sequence[Path], stems: Sequence[str]) -> bool:
    """Tell label images of single cells: many for one image, or named a_1, a_2 after an image a."""
    if len(stems) == 1 and len(lone) > 1:
        return True
    known = set(stems)
    owners = [re.sub(r"[_\-. ]\w*\d+\Z", "", naming.stem_of(path.name)) for path in lone]
    return len(lone) > len(stems) and bool(owners) and all(owner in known for owner in owners)


def _fits(entry: Entry, stems: Sequence[str], images_at: Path) -> bool:
    """Tell a folder whose files are named like the images."""
    if entry.path == images_at:
        return False
    inside, known = (naming.stem_of(e.name) for e in listed(entry.path)), set(stems)
    return any(stem in known or naming.stripped(stem) in known for stem in inside)


def _has(folder: Path, names: Sequence[str]) -> bool:
    try:
        return any(e.kind == "folder" and of_role(e.name, names) for e in listed(folder))
    except CellpruneError:
        return False
