"""From the name a user types to a data set: a card's name, or a folder in the challenge's layout."""

import os
import re
from pathlib import Path

from cellprune.data import cards, ctc, simulate
from cellprune.data.cards import Card
from cellprune.data.frames import Dataset
from cellprune.data.images import read_header
from cellprune.data.root import VARIABLE, data_root
from cellprune.errors import CellpruneError, unknown

_VOLUMES = re.compile(r"-[CN]3D[HL]-")  # in the challenge's names


class MissingDataError(CellpruneError):
    """A known data set that is not on this machine."""


def open_dataset(name_or_folder: str, *, data_root: Path | None = None) -> Dataset:
    """Find a data set on disk and list its frames; no pixel is read.

    Args:
        name_or_folder: a card's name, which wins; a folder must be written with a separator ("./cells").
        data_root: where named sets live; None asks the environment, see `data.root`.
    Raises:
        CellpruneError: no card has this name; a known set is not here yet (the ways to get it are named); the folder
            is not in the challenge's layout; truth without its image.
    """
    if is_folder(name_or_folder):
        folder = Path(name_or_folder).expanduser()
        return _listed(folder.resolve().name, folder, None)
    card = known_card(name_or_folder)
    return _listed(card.name, place(card, data_root), card)


def is_folder(name_or_folder: str) -> bool:
    """Tell a folder from a name: a folder is written with a separator, or is `.` or `..`."""
    separators = {"/", os.sep}
    return name_or_folder in {".", ".."} or any(mark in name_or_folder for mark in separators)


def known_card(name: str) -> Card:
    """Give the card of a named set; a typo is answered with the nearest names, a bare folder with how to write it."""
    if name not in cards.names() and Path(name).is_dir():
        raise CellpruneError(f"no data set is named {name!r}; write './{name}' for the folder of that name")
    if _VOLUMES.search(name):
        raise CellpruneError(f"{name} is one of the challenge's 3-D sets: cellprune reads 2-D time-lapses, take one")
    if name not in cards.names():
        raise CellpruneError(unknown("data set", name, cards.names()))
    return cards.card(name)


def place(card: Card, given_root: Path | None) -> Path:
    """Give the folder of a named set that is here; simulated cells are made when they are asked for first.

    Raises:
        MissingDataError: the set has to be fetched first.
    """
    root = data_root(given_root)
    if card.source == "simulate":
        return simulate.kept(root)
    folder = folder_of(card, root)
    if not folder.is_dir():
        raise MissingDataError(
            f"{card.name} is not in {root}: run 'cellprune data fetch {card.name}', without the internet 'cellprune "
            f"data fetch {card.name} --from FILE.zip' with {card.address}, or name its place with --data-root or "
            f"${VARIABLE}"
        )
    return folder


def folder_of(card: Card, root: Path) -> Path:
    """Name the folder of a set in the data root, whether it is there or not."""
    return root / (simulate.NAME if card.source == "simulate" else card.name)


def _listed(name: str, folder: Path, card: Card | None) -> Dataset:
    frames = ctc.frames(folder, name)
    lone = ctc.orphans(folder)
    if lone:
        raise ctc.LayoutError(f"{lone[0]} is truth without an image ({len(lone)} such files): bring the image back")
    header = read_header(frames[0].image)
    if header.planes > 1:
        raise ctc.LayoutError(
            f"{frames[0].image} is a stack of {header.planes} planes, so {folder} is a 3-D set: take a 2-D one"
        )
    if card is None:
        return Dataset(name, folder, frames, channels=header.channels)
    return Dataset(
        name,
        folder,
        frames,
        channels=header.channels,
        pixel_size_um=card.pixel_size_um,
        frame_interval_min=card.frame_interval_min,
        field_of_interest_px=card.field_of_interest_px,
    )
