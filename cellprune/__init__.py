"""Microscopy segmentation with networks that are pruned once, at random initialization.

The public names are loaded on first use, so that `import cellprune` costs nothing.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # for type checkers: `typing` takes longer to load than all that Ctrl-C has to wait for here
if TYPE_CHECKING:
    from typing import Any

_HOMES = {
    "prune": "cellprune.pruning.prune",
    "Request": "cellprune.config.request",
    "scores": "cellprune.pruning.scores",
    "hold": "cellprune.pruning.masks",
    "save_masks": "cellprune.models.masks",
    "load_masks": "cellprune.models.masks",
    "shrink": "cellprune.structure.shrink",
    "compact": "cellprune.structure.compact",
    "run": "cellprune.experiment",
    "load": "cellprune.models.loaded",
    "predict": "cellprune.lab.segment",
    "CellpruneError": "cellprune.errors",
}

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'cellprune' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
