"""What a network may tell of itself beside its output. A network of a user's own need tell nothing."""

from typing import Protocol, TypeGuard

from torch import nn


class Mirroring(Protocol):
    """A network that continues an image by mirroring, to the next size that it takes."""

    def input_size(self, output_size: int) -> int:
        """Give the smallest size, in pixels along one axis, that it takes and that covers `output_size` pixels."""
        ...


class Leveled(Protocol):
    """A network of levels, or stages, that knows how many channels each has."""

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each level, from the image on."""
        ...


def is_mirroring(network: nn.Module) -> TypeGuard[Mirroring]:
    """Tell whether a network mirrors an image by itself, also where a compiler wraps it."""
    return hasattr(network, "input_size")


def is_leveled(network: nn.Module) -> TypeGuard[Leveled]:
    """Tell whether a network has levels whose channels can be chosen."""
    return hasattr(network, "widths")
