"""The batches that every kind of data gives of its parts."""

from collections.abc import Iterator
from typing import Protocol

from torch import Tensor

Batch = tuple[Tensor, Tensor]
"""(B, C, H, W) float32 images, normalized, and their targets, as the loss takes them: int64 classes, or float32."""


class Batches(Protocol):
    """Batches that can be gone through again and counted."""

    def __iter__(self) -> Iterator[Batch]: ...

    def __len__(self) -> int: ...


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
