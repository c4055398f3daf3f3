"""Which positions of a network's tensors a smaller one has: all that it takes to make it small again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


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
