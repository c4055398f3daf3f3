"""From what a user types to a data set: a card's name, or a folder in the challenge's layout or of plain images."""

import logging
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from cellprune.config.own import is_own, short
from cellprune.data.cells import ctc, own, plain
from cellprune.data.cells.frames import CLASSES, Dataset, Frame
from cellprune.data.labelled import cifar, folders
from cellprune.data.sets.cards import Card
from cellprune.data.sets.named import is_folder, known_card, located
from cellprune.data.sets.root import data_root as root_of
from cellprune.errors import CellpruneError
from cellprune.files.listing import entry
from cellprune.images.naming import of_text
from cellprune.images.read import Header, ImageError, equal_channels, read_header
from cellprune.wording import many

_log = logging.getLogger(__name__)


def open_dataset(
    name_or_folder: str,
    *,
    data_root: Path | None = None,
    classes: tuple[str, ...] = CLASSES,
    source_sha256: str | None = None,
) -> Dataset:
    """Find a data set on disk and list its frames; no pixel is read.

    Args:
        name_or_folder: a card's name, which wins; a folder must be written with a separator ("./cells"); or
            FILE.py:NAME, which is run, see `data.cells.own`.
        data_root: where named sets live; None asks the environment, see `data.sets.root`.
        classes: two names: labels number cells, any label is one; more: labels are numbers of classes, 255 is unknown.
        source_sha256: what the content of FILE.py must be; None for any.
    Raises:
        CellpruneError: no card has this name; a known set is not here yet (the ways to get it are named); the folder
            is of no known layout; truth without its image; images of different channels; cells told apart by class
            where their labels only number them.
    """
    if is_own(name_or_folder):
        written = own.folder_of(name_or_folder, source_sha256, root_of(data_root))
        return _plain(short(name_or_folder), written, classes)
    if is_folder(name_or_folder):
        folder = Path(name_or_folder).expanduser()
        name = of_text(folder.resolve().name)
        if cifar.holds(folder) or folders.holds(folder):
            raise _holds_no_cells(name)
        return _challenge(name, folder, None, classes) if is_challenge(folder) else _plain(name, folder, classes)
    card = known_card(name_or_folder)
    if card.layout != "ctc":
        raise _holds_no_cells(card.name)
    return _challenge(card.name, located(card, data_root), card, classes)


def _holds_no_cells(name: str) -> CellpruneError:
    return CellpruneError(f"{name} holds a class for each image, no outlined cells: add --task classification")


def is_challenge(folder: Path) -> bool:
    """Tell whether a folder is in the challenge's layout; any other is taken for one of plain images.

    Raises:
        LayoutError: it is not a folder.
    """
    on_disk = entry(folder)
    if on_disk is None or on_disk.kind != "folder":
        raise ctc.LayoutError(f"{folder} is not a folder: name the one that holds the images, or 01, 01_GT and so on")
    return bool(ctc.sequences(folder))


def _challenge(name: str, folder: Path, card: Card | None, classes: tuple[str, ...]) -> Dataset:
    frames = ctc.frames(folder, name)
    lone = ctc.orphans(folder)
    if lone:
        raise ctc.LayoutError(f"{lone[0]} is truth without an image ({len(lone)} such files): bring the image back")
    header = read_header(frames[0].image)
    if header.planes > 1:
        raise ctc.LayoutError(
            f"{frames[0].image} is a stack of {header.planes} planes, so {folder} is a 3-D set: take a 2-D one"
        )
    require_cells(name, classes)
    return Dataset(
        name,
        folder,
        frames,
        channels=channels_of(name, {frame.image: header for frame in frames}),  # as many as the first has, unless equal
        saved_channels=header.channels,
        pixel_size_um=(card.pixel_size_um if card else None) or _pixel_size_um(frames),
        frame_interval_min=card.frame_interval_min if card else None,
        field_of_interest_px=card.field_of_interest_px if card else None,
        classes=classes,
        left_aside=tuple(ctc.aside(folder)),
    )


def _pixel_size_um(frames: Sequence[Frame]) -> tuple[float, float] | None:
    """Give what the files say that are learned from, as of plain images."""
    annotated = [frame for frame in frames if frame.gold is not None]
    return plain.pixel_size_um(read_header(frame.image) for frame in annotated or frames[:1])


def require_cells(name: str, classes: tuple[str, ...]) -> None:
    """Refuse more classes than a set in the challenge's layout can tell apart.

    Raises:
        CellpruneError: more than two.
    """
    if len(classes) > 2:
        raise CellpruneError(
            f"{name} is in the challenge's layout, where labels number cells and know no {classes[2]!r}: remove "
            "data.classes"
        )


def _plain(name: str, folder: Path, classes: tuple[str, ...]) -> Dataset:
    paired = plain.pair(folder, name)
    if paired.faults:
        more = f" ({len(paired.faults)} such files)" if len(paired.faults) > 1 else ""
        raise ctc.LayoutError(f"{paired.faults[0]}{more}")
    # an image without labels is left aside, whatever it is
    headers = {frame.image: read_header(frame.image) for frame in paired.frames if frame.gold}
    for path, header in headers.items():
        if header.planes > 1:
            raise ImageError(f"{path} is a stack of {header.planes} images: save each image as a file of its own")
        if fault := plain.too_small(path, header.size):
            raise ImageError(fault)
    return Dataset(
        name,
        folder,
        paired.frames,
        pixel_size_um=plain.pixel_size_um(headers.values()),
        channels=channels_of(name, headers),
        saved_channels=max(header.channels for header in headers.values()),
        classes=classes,
        left_aside=(*paired.left_aside, *plain.unlabelled(paired)),
    )


def channels_of(name: str, headers: Mapping[Path, Header]) -> int:
    """Give the number of channels that the images of a set have in common; grey that is saved in colour has one.

    Raises:
        ImageError: an image of another number.
    """
    in_colour = [path for path, header in headers.items() if header.channels > 1]
    if all(map(equal_channels, in_colour)):
        if in_colour:
            _say_grey(name, len(in_colour))
        return 1
    first, *others = headers
    for path in others:
        if headers[path].channels != headers[first].channels:
            raise ImageError(
                f"{path} has {many(headers[path].channels, 'channel')}, but {first.name} {headers[first].channels}: "
                "save all with the same channels, or move it out of the folder with its labels"
            )
    return headers[first].channels


@cache  # once, however often the set is opened
def _say_grey(name: str, n_images: int) -> None:
    images = "1 image is" if n_images == 1 else f"{n_images} images are"
    _log.warning("%s: %s saved in colour, but all channels are equal: read as grey", name, images)
