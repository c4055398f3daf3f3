"""Batches of images with a class each, on the device that trains: all chance depends on (seed, epoch, index) alone.

A batch is (B, C, H, W) float32, its channels of mean 0 and deviation 1, and (B,) int64.
"""

from collections.abc import Iterator
from itertools import count

import numpy as np
import torch
from numpy.typing import NDArray

from cellprune.data.batches import Batch
from cellprune.data.draws import numbers
from cellprune.data.labelled.held import Held
from cellprune.data.labelled.normalization import Normalization, normalization
from cellprune.data.labelled.pictures import Arrays
from cellprune.data.labelled.pixels import Pixels, Request
from cellprune.data.labelled.sets import Indices, Labelled, Parts
from cellprune.data.labelled.streamed import Streamed
from cellprune.data.parts import Part

_EVALUATED_AT_ONCE = 500
_EVALUATED_PIXELS = _EVALUATED_AT_ONCE * 64**2  # of larger images fewer at once
_FOR_STATISTICS = 10_000  # images; the mean of so many is as good as that of all


class Loaders:
    """The batches of one split.

    Args:
        parts: which images are learned from, chosen on and tested.
        batch_size: images of a batch, over all processes together.
        seed: of order and augmentation.
        device: where the batches are made.
        augment: "crop" moves each training image by up to 4 px, black outside, and mirrors every second;
            "resized-crop" shows a part of it, brought to the network's size; "none".
        workers: threads that read images from files; 0 for as many as there are cores. No result depends on it.
    """

    def __init__(
        self, parts: Parts, *, batch_size: int, seed: int, device: torch.device, augment: str, workers: int = 0
    ) -> None:
        self.parts, self.classes, self.size = parts, parts.dataset.classes, parts.dataset.size
        self._batch_size, self._seed, self._augment = batch_size, seed, augment
        self._pixels = _pixels(parts.dataset, device, augment, workers)
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
        return self._made(self._endless(batch_size), self._own)

    def batches(self, part: Part, norm: Normalization | None = None) -> Iterator[Batch]:
        """Give a part in order, not augmented, normalized as `norm` or by the training part."""
        return self._batches(self.parts.part(part), norm or self._own)

    def _endless(self, batch_size: int) -> Iterator[Request]:
        left = self.parts.train[:0]
        drawn_in = left
        for epoch in count():
            left = np.concatenate([left, self._order("scoring", epoch)])
            drawn_in = np.concatenate([drawn_in, np.full(len(left) - len(drawn_in), epoch)])
            while len(left) >= batch_size:
                yield self._augmented(left[:batch_size], "scoring", drawn_in[:batch_size])
                left, drawn_in = left[batch_size:], drawn_in[batch_size:]

    def _batches(self, indices: Indices, norm: Normalization) -> Iterator[Batch]:
        at_once = max(1, min(_EVALUATED_AT_ONCE, _EVALUATED_PIXELS // (self.size[0] * self.size[1])))
        starts = range(0, len(indices), at_once)
        return self._made(((indices[start : start + at_once], None) for start in starts), norm)

    def _made(self, requests: Iterator[Request], norm: Normalization) -> Iterator[Batch]:
        """Give the batches, and each image's class with it."""
        for indices, images in self._pixels.batches(requests, norm):
            yield images, self._targets[torch.from_numpy(indices).to(self._targets.device)]

    def _order(self, purpose: str, epoch: int) -> Indices:
        training = self.parts.train
        return training[np.argsort(numbers(training, "order", purpose, self._seed, epoch), kind="stable")]

    def _augmented(self, indices: Indices, purpose: str, epochs: NDArray[np.int64]) -> Request:
        """Draw a number for each image, by which it is augmented."""
        if self._augment == "none":
            return indices, None
        drawn = np.empty(len(indices), dtype=np.uint64)
        for epoch in np.unique(epochs).tolist():
            own = epochs == epoch
            drawn[own] = numbers(indices[own], "augment", purpose, self._seed, epoch)
        return indices, drawn


class _Epoch:
    """One process's batches of an epoch; they can be gone through again and counted."""

    def __init__(self, loaders: Loaders, epoch: int, rank: int, world: int) -> None:
        self._loaders, self._epoch, self._rank, self._world = loaders, epoch, rank, world

    def __iter__(self) -> Iterator[Batch]:
        return self._loaders._made(self._requests(), self._loaders._own)

    def _requests(self) -> Iterator[Request]:
        size = self._loaders._batch_size
        order = self._loaders._order("train", self._epoch)
        for start in range(0, len(order), size):
            chosen = order[start : start + size]
            filled = np.concatenate([chosen, np.resize(order, -len(chosen) % self._world)])
            own = filled[self._rank :: self._world]
            yield self._loaders._augmented(own, "train", np.full(len(own), self._epoch))

    def __len__(self) -> int:
        return -(-len(self._loaders.parts.train) // self._loaders._batch_size)


def _pixels(dataset: Labelled, device: torch.device, augment: str, workers: int) -> Pixels:
    """Have images that are in memory as they are shown on the device; read all others."""
    if isinstance(dataset.pictures, Arrays) and dataset.is_of_own_size and augment != "resized-crop":
        return Held(dataset.pictures.pixels, device)
    return Streamed(dataset, device, augment, workers)
