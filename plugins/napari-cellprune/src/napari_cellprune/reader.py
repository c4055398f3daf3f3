"""Which reader opens a path, as napari asks: None for what is none of ours."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from cellprune.errors import CellpruneError
from napari_cellprune import challenge, predictions, runs
from napari_cellprune.layers import LayerData

Answer = list[LayerData] | list[tuple[None]]

_NOTHING: Answer = [(None,)]  # napari's word for: opened, and no layer to add


class _Home(Protocol):
    """A kind of folder that can be shown."""

    def is_one(self, path: Path) -> bool: ...

    def layers(self, path: Path) -> list[LayerData]: ...


_HOMES: tuple[_Home, ...] = (runs, predictions, challenge)


def get_reader(path: str | list[str]) -> Callable[[str | list[str]], Answer] | None:
    """Give the reader of a folder of the challenge, one of its sequences, a run, a prediction or tracks; else None."""
    folder = _only(path)
    return _read if folder is not None and _home(folder) is not None else None


def layers(folder: Path) -> list[LayerData]:
    """Give the layers of a folder.

    Raises:
        CellpruneError: it is none of ours, or something of it cannot be shown.
    """
    home = _home(folder)
    if home is None:
        raise CellpruneError(
            f"{folder} is no folder of the Cell Tracking Challenge (01, 01_GT), no run and no prediction of cellprune: "
            "open one of these"
        )
    return home.layers(folder)


def _read(path: str | list[str]) -> Answer:
    """Read, and tell in napari what stands in the way: napari itself would show where in the code it was found."""
    folder = _only(path)
    assert folder is not None, "asked for by `get_reader`"
    try:
        return layers(folder)
    except CellpruneError as error:
        from napari.utils.notifications import show_error

        show_error(str(error))
        return _NOTHING


def _only(path: str | list[str]) -> Path | None:
    """Give the path of one folder; napari gives a list where several are to be a stack."""
    paths = [path] if isinstance(path, str) else path
    return Path(paths[0]) if len(paths) == 1 and Path(paths[0]).is_dir() else None


def _home(folder: Path) -> _Home | None:
    try:
        return next((kind for kind in _HOMES if kind.is_one(folder)), None)
    except CellpruneError:  # it may not be listed
        return None
