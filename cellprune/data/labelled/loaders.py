"""Batches of small images, made on the device that trains: what is random depends on (seed, epoch, index) alone.

All images lie on the device as bytes. Loading them one by one, as larger images are, would take longer than a small
network's step. A batch is (B, 3, 32, 32) float32, its channels of mean 0 and deviation 1, and (B,) int64.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cellprune.data.batches import Batch
from cellprune.data.draws import numbers
from cellprune.data.labelled.sets import Indices, Labelled, Parts
from cellprune.data.parts import Part

_PADDING_PX = 4
_EVALUATED_AT_ONCE = 500
_FOR_STATISTICS = 10_000  # images; the mean of so many is as good as that of all


@dataclass(frozen=True)
class Normalization:
    """Mean and standard deviation of each channel, of values in 0..1."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]


def normalization(dataset: Labelled, training: Indices) -> Normalization:
    """Measure the channels over the training part, exactly: from counts of values."""
    values = np.arange(256) / 255
    means, deviations = [], []
    for channel in range(3):
        share = np.bincount(dataset.images[training, channel].ravel(), minlength=256) / (training.size * 32 * 32)
        means.append(float(share @ values))
        deviations.append(float(np.sqrt(share @ (values - means[-1]) ** 2)) or 1.0)
    return Normalization(tuple(means), tuple(deviations))


class Loaders:
    """The batches of one split.

    Args:
        parts: which images are learned from, chosen on and tested.
        batch_size: images of a batch, over all processes together.
        seed: of order and augmentation.
        device: where the batches are made.
        augment: "crop" moves each training image by up to 4 px, black outside, and mirrors every second; "none".
    """

    def __init__(self, parts: Parts, *, batch_size: int, seed: int, device: torch.device, augment: str) -> None:
        self.parts, self.classes = parts, parts.dataset.classes
        self._batch_size, self._seed, self._augment, self._device = batch_size, seed, augment, device
        self._images = torch.from_numpy(parts.dataset.images).to(device)
        self._targets = torch.from_numpy(parts.dataset.targets).to(device)
        self._own = normalization(parts.dataset, parts.train)

    @property
    def n_train(self) -> int:
        """How many images are learned from."""
        return len(self.parts.train)

    def train(self, epoch: int, rank: int = 0, world: int = 1) -> "_Epoch":
        """Give an epoch's batches, shuffled by (seed, epoch), augmented by (seed, epoch, index).

        Every one of `world` processes gets its share of each batch; the last batch is filled up from the epoch's start
        where it cannot be shared out evenly.
        """
        return _Epoch(self, epoch, rank, world)

    def plain(self) -> Iterator[Batch]:
        """Give the first of the training part, not augmented, in fixed order: enough to take statistics of."""
        return self._batches(self.parts.train[:_FOR_STATISTICS], self._own)

    def scoring(self, batch_size: int) -> Iterator[Batch]:
        """Give endless augmented training batches, always full; they depend on the seed alone."""
        training = self.parts.train
        left = training[:0]
        drawn_in = left
        for epoch in count():
            left = np.concatenate([left, self._order("scoring", epoch)])
            drawn_in = np.concatenate([drawn_in, np.full(len(left) - len(drawn_in), epoch)])
            while len(left) >= batch_size:
                yield self._batch(left[:batch_size], "scoring", drawn_in[:batch_size])
                left, drawn_in = left[batch_size:], drawn_in[batch_size:]

    def batches(self, part: Part, norm: Normalization | None = None) -> Iterator[Batch]:
        """Give a part in order, not augmented, normalized as `norm` or by the training part."""
        return self._batches(self.parts.part(part), norm or self._own)

    def _batches(self, indices: Indices, norm: Normalization) -> Iterator[Batch]:
        for start in range(0, len(indices), _EVALUATED_AT_ONCE):
            chosen = self._on_device(indices[start : start + _EVALUATED_AT_ONCE])
            yield self._normalized(self._images[chosen], norm), self._targets[chosen]

    def _order(self, purpose: str, epoch: int) -> Indices:
        training = self.parts.train
        return training[np.argsort(numbers(training, "order", purpose, self._seed, epoch), kind="stable")]

    def _batch(self, indices: Indices, purpose: str, epochs: NDArray[np.int64]) -> Batch:
        chosen = self._on_device(indices)
        images = self._images[chosen]
        if self._augment == "crop":
            drawn = np.empty(len(indices), dtype=np.uint64)
            for epoch in np.unique(epochs).tolist():
                own = epochs == epoch
                drawn[own] = numbers(indices[own], "augment", purpose, self._seed, epoch)
            images = _moved(images, drawn)
        return self._normalized(images, self._own), self._targets[chosen]

    def _normalized(self, images: Tensor, norm: Normalization) -> Tensor:
        mean, deviation = (
            torch.tensor(values, dtype=torch.float32, device=self._device)[:, None, None]
            for values in (norm.mean, norm.deviation)
        )
        return (images / 255 - mean) / deviation

    def _on_device(self, indices: Indices) -> Tensor:
        return torch.from_numpy(indices).to(self._device)


class _Epoch:
    """One process's batches of an epoch; they can be gone through again and counted."""

    def __init__(self, loaders: Loaders, epoch: int, rank: int, world: int) -> None:
        self._loaders, self._epoch, self._rank, self._world = loaders, epoch, rank, world

    def __iter__(self) -> Iterator[Batch]:
        size = self._loaders._batch_size
        order = self._loaders._order("train", self._epoch)
        for start in range(0, len(order), size):
            chosen = order[start : start + size]
            filled = np.concatenate([chosen, np.resize(order, -len(chosen) % self._world)])
            own = filled[self._rank :: self._world]
            yield self._loaders._batch(own, "train", np.full(len(own), self._epoch))

    def __len__(self) -> int:
        return -(-len(self._loaders.parts.train) // self._loaders._batch_size)


def _moved(images: Tensor, drawn: NDArray[np.uint64]) -> Tensor:
    """Move each image by up to 4 px along both axes, black outside, and mirror it or not, as its number says."""
    steps = 2 * _PADDING_PX + 1
    down, right, mirror = (
        torch.from_numpy(values.astype(np.int64)).to(images.device)
        for values in (drawn % steps, drawn // steps % steps, drawn // steps**2 % 2)
    )
    side = torch.arange(images.shape[-1], device=images.device)
    across = torch.where(mirror[:, None] == 1, side.flip(0), side)
    rows, columns = down[:, None] + side, right[:, None] + across
    padded = torch.nn.functional.pad(images, [_PADDING_PX] * 4)
    which, channels = (torch.arange(n, device=images.device) for n in images.shape[:2])
    return padded[
        which[:, None, None, None], channels[None, :, None, None], rows[:, None, :, None], columns[:, None, None, :]
    ]
