"""Which positions of a network's tensors a smaller one has: all that it takes to make it small again."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Self, TypeVar

import torch
from torch import Tensor

Key = TypeVar("Key")
Kept = TypeVar("Kept")


@dataclass(frozen=True)
class Positions:
    """What of a network a smaller one has; what is not named stays whole.

    Attributes:
        of: parameter name -> axis -> (size of the axis,) bool.
        passes: name of a norm or PReLU module -> (its channels,) bool.
        counted: name of a module that counts channels itself -> those that it reads and those that it makes, bool.
    """

    of: Mapping[str, Mapping[int, Tensor]]
    passes: Mapping[str, Tensor]
    counted: Mapping[str, tuple[Tensor, Tensor]]

    def masks(self, shapes: Mapping[str, Iterable[int]]) -> dict[str, Tensor]:
        """Give parameter name -> bool, True = kept, for every parameter that is named.

        Args:
            shapes: parameter name -> shape in the whole network.
        """
        return {name: outer(axes, shapes[name]) for name, axes in self.of.items()}

    @classmethod
    def whole(cls) -> Self:
        """Keep everything."""
        return cls({}, {}, {})

    def then(self, later: "Positions") -> "Positions":
        """Say in one what stays after two steps, the later one of the network that the first one leaves."""
        of = {
            name: _together(self.of.get(name, {}), later.of.get(name, {}), _of_both)
            for name in self.of.keys() | later.of.keys()
        }
        counted = _together(
            self.counted,
            later.counted,
            lambda ours, theirs: (_of_both(ours[0], theirs[0]), _of_both(ours[1], theirs[1])),
        )
        return Positions(of, _together(self.passes, later.passes, _of_both), counted)

    def lost(self) -> "Positions":
        """Name only the parameters and modules that lose something."""
        return self.named(name for name, axes in self.of.items() if not all(stays.all() for stays in axes.values()))

    def named(self, parameters: Iterable[str]) -> "Positions":
        """Name only these parameters, and only modules that lose something."""
        names = set(parameters)
        return Positions(
            {name: axes for name, axes in self.of.items() if name in names},
            {name: passed for name, passed in self.passes.items() if not passed.all()},
            {name: both for name, both in self.counted.items() if not all(one.all() for one in both)},
        )


def outer(axes: Mapping[int, Tensor], shape: Iterable[int]) -> Tensor:
    """Give the mask of a parameter that keeps these positions of its axes, and of the others all."""
    mask = torch.ones(*shape, dtype=torch.bool)
    for axis, stays in axes.items():
        mask = mask & stays.view([-1 if a == axis else 1 for a in range(mask.dim())])
    return mask


def _of_both(first: Tensor, later: Tensor) -> Tensor:
    """Give the positions that stay after both: (size,) bool of the first, and (what that leaves,) bool."""
    stays = first.clone()
    stays[first] = later
    return stays


def _together(
    first: Mapping[Key, Kept], later: Mapping[Key, Kept], both: Callable[[Kept, Kept], Kept]
) -> dict[Key, Kept]:
    """Join what two steps name; what one of them does not name is whole in it."""
    return {**first, **{key: both(first[key], kept) if key in first else kept for key, kept in later.items()}}
