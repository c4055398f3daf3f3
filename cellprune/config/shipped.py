"""Finds the folders that travel with the code: `datasets/` and `configs/`, in a clone and in a wheel alike."""

from pathlib import Path

from cellprune.errors import CellpruneError

_PACKAGE = Path(__file__).resolve().parents[1]


def folder(name: str) -> Path:
    """Give the shipped folder `name`: beside the package in a clone, inside it in a wheel.

    Raises:
        CellpruneError: the installation lacks the folder.
    """
    for shipped in (_PACKAGE / "_shipped" / name, _PACKAGE.parent / name):
        if shipped.is_dir():
            return shipped
    raise CellpruneError(
        f"the folder {name!r} that belongs to cellprune is missing beside {_PACKAGE}: install it again"
    )
