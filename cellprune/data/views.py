"""Batches of two views of each image, for learning without truth; what is random depends on (seed, epoch, image)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from cellprune.data.batches import Batch
from cellprune.data.cells.augment import view
from cellprune.data.cells.crops import cut
from cellprune.data.draws import shuffled, stable_hash
from cellprune.images.read import Floats


@dataclass(frozen=True)
class Views:
    """The batches of one epoch: (2 N, C, h, w) float32, the first views of N images and then the second, and nothing.

    Attributes:
        images: each (C, h, w) float32, normalized.
        crop: side of the square, px, that both views are taken from; None where they are taken from the whole image.
        batch_size: N; the last batch takes what is left, and joins the one before if that is a single image.
    """

    images: Sequence[Floats]
    crop: int | None
    batch_size: int
    seed: int
    epoch: int

    def __iter__(self) -> Iterator[Batch]:
        order = shuffled(range(len(self.images)), "views", self.seed, self.epoch, key=int)
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            is_last = start + self.batch_size >= len(self) * self.batch_size
            chosen = order[start:] if is_last else order[start : start + self.batch_size]
            views = [self._view(index, which) for which in (0, 1) for index in chosen]
            yield torch.from_numpy(np.stack(views)), torch.zeros(len(views))

    def __len__(self) -> int:
        full, left = divmod(len(self.images), self.batch_size)
        return max(1, full + (left > 1))

    def _view(self, index: int, which: int) -> Floats:
        image = self.images[index]
        if self.crop is not None:
            place = stable_hash("crop of views", self.seed, self.epoch, index)
            image, _ = cut(image, np.zeros(image.shape[1:], np.uint8), self.crop, seed=place, most_zoom=1.0)
        return view(image, seed=stable_hash("view", self.seed, self.epoch, index, which))
