"""What every kind of data has in common: frames on disk, parts of them, and batches of the parts."""

from collections.abc import Iterator, Sized
from typing import Any, Literal, Protocol, Self

from torch import Tensor

Part = Literal["train", "select", "report"]

Batch = tuple[Tensor, Tensor]
"""(B, C, H, W) float32 images, normalized, and their int64 targets, as the loss takes them."""


class Batches(Protocol):
    """Batches that can be gone through again and counted."""

    def __iter__(self) -> Iterator[Batch]: ...

    def __len__(self) -> int: ...


class Frames(Protocol):
    """What is on disk, in the order of the data set.

    Attributes:
        channels: of every image, as the network sees it.
        classes: names, in the order of their numbers.
    """

    @property
    def channels(self) -> int: ...

    @property
    def classes(self) -> tuple[str, ...]: ...

    def seen_with(self, channels: int) -> Self:
        """Give the same frames for a network of so many channels, if they can be read so; else as they are."""
        ...


class Parts(Protocol):
    """Which frames are learned from ("train"), chosen on ("select") and held out ("report")."""

    def part(self, name: Part, /) -> Sized: ...

    def as_dict(self) -> dict[str, Any]:
        """Give what split.yaml holds."""
        ...


class Loaders(Protocol):
    """The parts as batches.

    Attributes:
        n_train: how many images are learned from.
    """

    @property
    def n_train(self) -> int: ...

    def train(self, epoch: int, rank: int = 0, world: int = 1) -> Batches:
        """Give an epoch's batches, shuffled and augmented: this process's share of each."""
        ...

    def plain(self) -> Iterator[Batch]:
        """Give the training part, or enough of it, in fixed order and not augmented."""
        ...

    def scoring(self, batch_size: int) -> Iterator[Batch]:
        """Give endless augmented training batches, always full; they depend on the seed alone."""
        ...
