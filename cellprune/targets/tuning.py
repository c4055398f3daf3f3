"""Which numbers of a decoder are tried when it is tuned: its own first, so that of equals it stays as it is."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from cellprune.targets.decoders import BorderSeeds, CellSize, Components, Decoder, DistanceSeeds, Watershed

_LEAST_SHARES = (0.05, 0.1, 0.2)  # of the median cell's area
_DEPTHS = (0.05, 0.075, 0.1, 0.15, 0.2, 0.3)
_BORDER = {"seed": (0.3, 0.5, 0.7), "foreground": (0.4, 0.5, 0.6)}
_CUTS = (0.0, 0.1, 0.15)  # of the inner parts that no border keeps apart
_DISTANCE = {"seed": (0.3, 0.35, 0.4, 0.45, 0.5), "foreground": (0.05, 0.07, 0.09, 0.11)}  # around the published ones


def tried(decoder: Decoder, cells: CellSize) -> tuple[Decoder, ...]:
    """List the decoders to choose from.

    Args:
        decoder: the model's own; others of its kind are tried, and for classes both kinds.
        cells: how large the training cells are.
    """
    return tuple(dict.fromkeys([decoder, *_others(decoder, cells)]))


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
