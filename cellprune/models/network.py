"""What a network may tell of itself beside its output. A network of a user's own need tell nothing."""

from typing import Protocol, TypeGuard

from torch import Tensor, nn


class Mirroring(Protocol):
    """A network that continues an image by mirroring, to the next size that it takes."""

    def input_size(self, output_size: int) -> int:
        """Give the smallest size, in pixels along one axis, that it takes and that covers `output_size` pixels."""
        ...


class Wrapped(Mirroring, Protocol):
    """A mirroring network whose inside can be run by itself."""

    def levels(self, image: Tensor, /) -> Tensor:
        """Run the inside on an image of a size that it takes."""
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


def is_wrapped(network: nn.Module) -> TypeGuard[Wrapped]:
    """Tell whether what is inside the mirroring of a network can be run by itself."""
    return is_mirroring(network) and hasattr(network, "levels")


def is_leveled(network: nn.Module) -> TypeGuard[Leveled]:
    """Tell whether a network has levels whose channels can be chosen."""
    return hasattr(network, "widths")
