"""The masks file: compressed bits of every mask, and how they were chosen. numpy only."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from cellprune.runs import container, documents, packing
from cellprune.runs.cost import MaskCost

NAME = "masks.safetensors"  # in a run's folder
_KIND, _VERSION = "masks", 1


@dataclass(frozen=True)
class Made:
    """How masks were chosen: the settings, as config.yaml has them, and what they leave of the network."""

    settings: Mapping[str, Any]
    cost: MaskCost


def write(path: Path, masks: Mapping[str, np.ndarray], *, made: Made | None = None) -> None:
    """Write masks, whole or not at all.

    Args:
        path: the file to make or replace.
        masks: name -> bool array, True = kept.
        made: how they were chosen, for a file that stands alone.
    """
    packed, shapes = packing.pack_masks(masks)
    note = {"masks": shapes} | ({} if made is None else {"made": documents.plain(made)})
    container.write(path, packed, kind=_KIND, version=_VERSION, note=note)


def read(path: Path) -> dict[str, np.ndarray]:
    """Give the masks of a file, or of a run's folder, as written: name -> bool array.

    Raises:
        UnreadableFileError: no such file, a folder without masks, damaged, or of another kind.
    """
    file = path / NAME if path.is_dir() else path
    if path.is_dir() and not file.exists():
        raise container.UnreadableFileError(
            f"{path} holds no {NAME}: give a pruned run (a dense one has no masks), or a file of 'cellprune prune'"
        )
    packed, note = container.read(file, kind=_KIND, version=_VERSION)
    with container.read_whole(file, _KIND):
        return packing.unpack_masks(packed, note.get("masks"))


def made(path: Path) -> Made | None:
    """Give how the masks of a file that stands alone were chosen, as `write` was told; None where it was not.

    Raises:
        CellpruneError: no such file, damaged, or of another kind.
    """
    _, note = container.read(path, kind=_KIND, version=_VERSION)
    return documents.checked(path, Made, note["made"]) if "made" in note else None


def digest(masks: Mapping[str, np.ndarray]) -> str:
    """Hash names, shapes and bits (hex, sha256): equal masks have equal hashes, whatever else their files say."""
    content = sha256()
    for name in sorted(masks):
        content.update(f"{name} {masks[name].shape}\n".encode() + np.packbits(masks[name]).tobytes())
    return content.hexdigest()
