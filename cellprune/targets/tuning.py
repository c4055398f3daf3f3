"""Which numbers of a decoder are tried when it is tuned: its own first, so that of equals it stays as it is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby, product

import numpy as np
from numpy.typing import NDArray

from cellprune.config.names import DECODERS
from cellprune.targets.decoders import (
    BorderSeeds,
    CellSize,
    Components,
    Decoder,
    DistanceSeeds,
    Watershed,
    with_numbers,
)
from cellprune.targets.kinds import Extent, Maps
from cellprune.targets.numbering import numbered
from cellprune.targets.target import Target

_LEAST_SHARES = (0.1, 0.2, 0.05)  # of the median cell's area, the usual one first: frames learned from have few specks
_DEPTHS = (0.05, 0.075, 0.1, 0.15, 0.2, 0.3)
_BORDER = {"seed": (0.3, 0.5, 0.7), "foreground": (0.4, 0.5, 0.6)}
_CUTS = (0.0, 0.1, 0.15)  # of the inner parts that no border keeps apart
_DISTANCE = {"seed": (0.3, 0.35, 0.4, 0.45, 0.5), "foreground": (0.05, 0.07, 0.09, 0.11)}  # around the published ones


def tried(
    decoder: Decoder, cells: CellSize, *, name: str | None = None, numbers: Mapping[str, float] = {}
) -> tuple[Decoder, ...]:
    """List the decoders to choose from.

    Args:
        decoder: the model's own; others of its kind are tried, and for classes both kinds.
        cells: how large the training cells are.
        name: of the only kind to try; None for every kind.
        numbers: that stay as they are here; a kind that has not all of them is not tried.
    """
    others = (
        with_numbers(other, numbers)
        for other in _others(decoder, cells)
        if name in (None, other.name) and numbers.keys() <= set(DECODERS[other.name])
    )
    return tuple(dict.fromkeys([decoder, *others]))


def cells_by_each(
    target: Target, maps: Maps, size: Extent, decoders: Sequence[Decoder]
) -> Iterator[NDArray[np.unsignedinteger]]:
    """Give the cells of the same maps by each decoder.

    Args:
        target: what the maps mean.
        maps, size: as `Target.decode` takes them.
        decoders: those that differ in nothing but the least area stand side by side, and are decoded once.
    Returns:
        (height, width) labels, in the order of the decoders.
    """
    for whole, alike in groupby(decoders, key=_before_small_ones_go):
        labels = target.decode(maps, size, whole).labels
        yield from (labels if each == whole else numbered(labels, each.min_area_px) for each in alike)


def _before_small_ones_go(decoder: Decoder) -> Decoder:
    """Give the decoder that drops nothing; the watershed drops small pieces while it cuts, not after it."""
    return decoder if isinstance(decoder, Watershed) else replace(decoder, min_area_px=0.0)


def _others(decoder: Decoder, cells: CellSize) -> Iterator[Decoder]:
    areas = [share * cells.area_px for share in _LEAST_SHARES]
    if isinstance(decoder, BorderSeeds):
        for depth, seed, foreground, area in product(_CUTS, _BORDER["seed"], _BORDER["foreground"], areas):
            yield BorderSeeds(
                seed=seed, foreground=foreground, min_area_px=area, radius_px=cells.radius_px, depth=depth
            )
        return
    if isinstance(decoder, DistanceSeeds):
        for seed, foreground, area in product(_DISTANCE["seed"], _DISTANCE["foreground"], areas):
            yield replace(decoder, seed=seed, foreground=foreground, min_area_px=area)
        return
    for depth, area in product(_DEPTHS, areas):
        yield Watershed(cells.radius_px, depth=depth, min_area_px=area)
    for area in areas:
        yield Components(min_area_px=area)
