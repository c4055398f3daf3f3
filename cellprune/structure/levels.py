"""Networks of levels, of which the deepest may go: nothing is computed where nothing, or a constant, is handed on.

A level halves the image, works on it, and hands what it made on to the level above. Where one of its layers has no
channels left, it hands on constants at most, and so do all the levels below it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor, nn


@runtime_checkable
class Deep(Protocol):
    """A network that can leave out its deepest levels. Its other modules keep their names."""

    def deepest_levels(self) -> Sequence[Collection[str]]:
        """Name the modules of each level that may be left out, the deepest first: it goes before the next one."""

    def leave_out_levels(self, count: int) -> None:
        """Compute so many of the deepest levels no more; of what they hand on, biases are left, as constants."""


def weights_of_levels(model: nn.Module, weights: Iterable[str]) -> list[frozenset[str]]:
    """Give the names of the weights in each level that may be left out, the deepest first.

    Args:
        model: any network; one without such levels has none.
        weights: names of all weights.
    """
    if not isinstance(model, Deep):
        return []
    levels = [tuple(f"{module}." for module in modules) for modules in model.deepest_levels()]
    return [frozenset(name for name in weights if name.startswith(level)) for level in levels]


def count_gone(levels: Sequence[Collection[str]], empty: Collection[str]) -> int:
    """Count the levels that go: from the deepest on, those all of whose layers are empty.

    Args:
        levels: as `weights_of_levels` gives them.
        empty: names of the weights that read nothing or make nothing.
    """
    whole = (at for at, level in enumerate(levels) if not set(level) <= set(empty))
    return next(whole, len(levels))


def empty_weights(axes: Mapping[str, Mapping[int, Tensor]]) -> set[str]:
    """Give the names of the parameters that have nothing left: name -> axis -> (size,) bool."""
    return {name for name, of in axes.items() if not all(bool(stays.any()) for stays in of.values())}
