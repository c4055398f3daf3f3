"""Small images that all lie on the device as bytes: loading them one by one would take longer than a network's step."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cellprune.data.labelled.normalization import Normalization
from cellprune.data.labelled.pixels import Request
from cellprune.data.labelled.sets import Indices
from cellprune.data.labelled.views import moved


class Held:
    """Batches of images in memory, which are moved and mirrored where a request has numbers.

    Args:
        pixels: (N, C, H, W) uint8.
        device: where batches are made.
    """

    def __init__(self, pixels: NDArray[np.uint8], device: torch.device) -> None:
        self._images, self._device = torch.from_numpy(pixels).to(device), device

    def batches(self, requests: Iterable[Request], norm: Normalization) -> Iterator[tuple[Indices, Tensor]]:
        """Give a batch for each request, when it is asked for."""
        mean, deviation = (
            torch.tensor(values, dtype=torch.float32, device=self._device)[:, None, None]
            for values in (norm.mean, norm.deviation)
        )
        for indices, drawn in requests:
            images = self._images[torch.from_numpy(indices).to(self._device)]
            if drawn is not None:
                images = moved(images.movedim(1, -1), drawn).movedim(-1, 1).contiguous()
            yield indices, (images / 255 - mean) / deviation
