"""How much two masks of one network have in common, layer by layer, beside what chance alone would give."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from cellprune.errors import CellpruneError


def compare(first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Count what two masks keep, each and both.

    Args:
        first, second: parameter name -> bool array, True = kept; biases and norms, which go with whole channels, are
            not compared.
    Returns:
        {"layers": [{"name", "weights", "kept": [first, second], "both", "overlap", "overlap_by_chance"}], and over all
        shared layers "weights", "kept", "both", "overlap", "overlap_by_chance"; "alone": [names only in the first, only
        in the second]}. Overlap is kept by both over kept by either (None where neither keeps any); by chance is what
        positions drawn at random within each layer would have.
    Raises:
        CellpruneError: no layer in common, or one of two shapes.
    """
    alone = [[name for name in first if name not in second], [name for name in second if name not in first]]
    names = sorted((name for name in first if name in second and first[name].ndim > 1), key=_in_order)
    if not names:
        raise CellpruneError(
            f"the two masks share no layer (the first has {_some(first)}, the second {_some(second)}): give two "
            f"masks of one network"
        )
    for name in names:
        if first[name].shape != second[name].shape:
            raise CellpruneError(
                f"{name!r} has shape {first[name].shape} in the first and {second[name].shape} in the second: give two "
                f"masks of one network"
            )
    rows = [{"name": name} | _counted(first[name], second[name]) for name in names]
    total = {key: sum(row[key] for row in rows) for key in ("weights", "both", "both_by_chance")}
    kept = [sum(row["kept"][i] for row in rows) for i in range(2)]
    return {
        "layers": [_told(row) for row in rows],
        **_told(total | {"kept": kept}),
        "alone": alone,
    }


def _counted(first: np.ndarray, second: np.ndarray) -> dict[str, Any]:
    kept = [int(first.sum()), int(second.sum())]
    return {
        "weights": first.size,
        "kept": kept,
        "both": int((first & second).sum()),
        "both_by_chance": kept[0] * kept[1] / max(1, first.size),
    }


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    either = sum(row["kept"])
    overlaps = {
        key: None if not either else row[both] / (either - row[both])
        for key, both in (("overlap", "both"), ("overlap_by_chance", "both_by_chance"))
    }
    return {key: value for key, value in row.items() if key != "both_by_chance"} | overlaps


def _in_order(name: str) -> list[tuple[int, str]]:
    """Sort "blocks.2" before "blocks.10"."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in name.split(".")]


def _some(masks: Mapping[str, np.ndarray]) -> str:
    names = ", ".join(list(masks)[:3])
    return names + (", ..." if len(masks) > 3 else "") if masks else "none"
