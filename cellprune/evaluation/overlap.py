"""How much two masks of one network have in common, layer by layer, beside what chance alone would give.

The overlap is the number of weights that both keep over the number that either keeps: equal masks have 1. Two masks
share some weights by chance alone, more where both keep more of a layer; so each overlap stands beside the one that is
to be expected of random masks with the same density in each layer.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from cellprune.errors import CellpruneError


@dataclass(frozen=True, eq=False)
class Packed:
    """A mask with one bit for each weight: a dozen of large networks stay small in memory, and counting is fast."""

    shape: tuple[int, ...]
    bits: np.ndarray

    @property
    def kept(self) -> int:
        """Number of weights that are kept."""
        return _ones(self.bits)


Masks = Mapping[str, Packed]
"""Name of the weight -> its mask. Biases and norms, which go with whole channels, are not among them."""


@dataclass(frozen=True)
class Overlap:
    """What two masks keep of the same weights.

    Attributes:
        weights: how many there are.
        kept: how many the first keeps, and the second.
        both: how many both keep.
        both_by_chance: how many both would keep of random ones, with the same number kept in each layer.
    """

    weights: int
    kept: tuple[int, int]
    both: int
    both_by_chance: float

    @property
    def share(self) -> float | None:
        """The overlap, 0..1; None where neither keeps anything."""
        return self._over_either(self.both)

    @property
    def share_by_chance(self) -> float | None:
        """The overlap of random masks; None where neither keeps anything."""
        return self._over_either(self.both_by_chance)

    def _over_either(self, both: float) -> float | None:
        return both / (sum(self.kept) - both) if any(self.kept) else None


def packed(masks: Mapping[str, np.ndarray]) -> dict[str, Packed]:
    """Pack the masks of weights: parameter name -> bool array, True = kept."""
    return {name: Packed(mask.shape, np.packbits(mask)) for name, mask in masks.items() if mask.ndim > 1}


def by_layer(first: Masks, second: Masks) -> dict[str, Overlap]:
    """Count what two masks keep of each layer that both have, each and both, in the order of the names.

    Raises:
        CellpruneError: no layer in common, or one of two shapes.
    """
    names = sorted(first.keys() & second.keys(), key=_in_order)
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
    return {name: _of_layer(first[name], second[name]) for name in names}


def in_all(layers: Iterable[Overlap]) -> Overlap:
    """Add up the overlaps of layers."""
    layers = list(layers)
    return Overlap(
        weights=sum(layer.weights for layer in layers),
        kept=(sum(layer.kept[0] for layer in layers), sum(layer.kept[1] for layer in layers)),
        both=sum(layer.both for layer in layers),
        both_by_chance=sum(layer.both_by_chance for layer in layers),
    )


def are_alike(first: Masks, second: Masks) -> bool:
    """Tell whether two masks are of the same layers with the same shapes."""
    return {name: mask.shape for name, mask in first.items()} == {name: mask.shape for name, mask in second.items()}


def _of_layer(first: Packed, second: Packed) -> Overlap:
    weights, kept = prod(first.shape), (first.kept, second.kept)
    return Overlap(weights, kept, _ones(first.bits & second.bits), kept[0] * kept[1] / max(1, weights))


def _ones(bits: np.ndarray) -> int:
    return int(np.bitwise_count(bits).sum(dtype=np.int64))


def _in_order(name: str) -> list[tuple[int, str]]:
    """Sort "blocks.2" before "blocks.10"."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in name.split(".")]


def _some(masks: Masks) -> str:
    names = ", ".join(list(masks)[:3])
    return names + (", ..." if len(masks) > 3 else "") if masks else "none"
