"""Masks of a network as a file, and back: what `cellprune train --masks` reads and `cellprune prune` writes."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from cellprune.errors import CellpruneError
from cellprune.runs import maskfile
from cellprune.wording import quoted


def save_masks(path: str | Path, masks: Mapping[str, Tensor]) -> None:
    """Write masks into a file, whole or not at all.

    Args:
        path: the file to make or replace; `cellprune train --masks` takes it.
        masks: parameter name -> bool tensor of its shape, True = kept, on any device.
    Raises:
        CellpruneError: no masks, or one that is no bool tensor; nothing is written.
    Example:
        >>> save_masks("masks.safetensors", {"weight": torch.eye(2, 4).bool()})
        >>> int(load_masks("masks.safetensors")["weight"].sum())
        2
    """
    if not isinstance(masks, Mapping):
        raise CellpruneError(f"these masks are {type(masks).__name__}: give parameter name -> bool tensor")
    for name, mask in masks.items():
        if not isinstance(name, str):
            raise CellpruneError(f"a mask is called {quoted(name)}: give the name of its parameter")
        if not isinstance(mask, Tensor) or mask.dtype != torch.bool:
            kind = mask.dtype if isinstance(mask, Tensor) else type(mask).__name__
            raise CellpruneError(f"the mask of {quoted(name)} is {kind}, not a bool tensor: give True where it is kept")
    maskfile.write(Path(path), {name: mask.cpu().numpy() for name, mask in masks.items()})


def load_masks(path: str | Path) -> dict[str, Tensor]:
    """Read the masks of a file, or of a finished run.

    Args:
        path: a file of `save_masks` or of `cellprune prune`, or a run folder.
    Returns:
        Parameter name -> bool tensor on the CPU, True = kept; give it to `hold` or `shrink`.
    Raises:
        CellpruneError: no such file, a run without masks, damaged, or of another kind.
    """
    return {name: torch.from_numpy(mask) for name, mask in maskfile.read(Path(path)).items()}
