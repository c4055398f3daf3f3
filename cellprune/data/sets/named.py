"""From the name of a set to its card and its folder."""

import os
import re
from pathlib import Path

from cellprune.config.own import is_own
from cellprune.data.sets import cards
from cellprune.data.sets.cards import Card
from cellprune.data.sets.root import VARIABLE, data_root
from cellprune.data.simulated import simulate
from cellprune.errors import CellpruneError, unknown

_VOLUMES = re.compile(r"-[CN]3D[HL]-")  # in the challenge's names


class MissingDataError(CellpruneError):
    """A known data set that is not on this machine."""


def is_folder(name_or_folder: str) -> bool:
    """Tell a folder from a name: a folder is written with a separator, or is `.` or `..`."""
    separators = {"/", os.sep}
    return name_or_folder in {".", ".."} or any(mark in name_or_folder for mark in separators)


def known_card(name: str) -> Card:
    """Give the card of a named set.

    Raises:
        CellpruneError: no such card: a typo is answered with the nearest names, a bare folder with how to write it.
    """
    if name not in cards.names() and Path(name).is_dir():
        raise CellpruneError(f"no data set is named {name!r}; write './{name}' for the folder of that name")
    if _VOLUMES.search(name):
        raise CellpruneError(f"{name} is one of the challenge's 3-D sets: cellprune reads 2-D time-lapses, take one")
    if name not in cards.names():
        raise CellpruneError(unknown("data set", name, cards.names()))
    return cards.card(name)


def restored(name: str) -> str:
    """Say how the data of a set come back as they were: "fetch it again"."""
    if is_own(name):
        return f"let {name} give what it gave then"
    return "fetch it again" if name in cards.names() else "restore it"


def located(card: Card, given_root: Path | None) -> Path:
    """Give the folder of a named set that is here; simulated cells are made when they are asked for first.

    Raises:
        MissingDataError: the set has to be fetched first.
    """
    root = data_root(given_root)
    if card.source == "simulate":
        return simulate.kept(root)
    folder = folder_of(card, root)
    if not folder.is_dir() and card.source == "own":
        raise MissingDataError(
            f"{card.name} is not in {root}, and nobody may pass it on ({card.terms}): get it, then run 'cellprune data "
            f"fetch {card.name} --from FOLDER' with the folder that holds train and val"
        )
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
