"""Small images that all lie on the device as bytes: loading them one by one would take longer than a network's step."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cellprune.data.labelled.normalization import Normalization
from cellprune.data.labelled.pixels import Request
from cellprune.data.labelled.sets import Indices
from cellprune.data.labelled.views import PADDING_PX, moves


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
                images = _moved(images, drawn)
            yield indices, (images / 255 - mean) / deviation


def _moved(images: Tensor, drawn: NDArray[np.uint64]) -> Tensor:
    """Move each image by up to 4 px along both axes, black outside, and mirror it or not, as its number says."""
    down, right, mirror = (torch.from_numpy(values).to(images.device) for values in moves(drawn))
    height, width = (torch.arange(n, device=images.device) for n in images.shape[2:])
    across = torch.where(mirror[:, None] == 1, width.flip(0), width)
    rows, columns = down[:, None] + height, right[:, None] + across
    padded = torch.nn.functional.pad(images, [PADDING_PX] * 4)
    which, channels = (torch.arange(n, device=images.device) for n in images.shape[:2])
    return padded[
        which[:, None, None, None], channels[None, :, None, None], rows[:, None, :, None], columns[:, None, None, :]
    ]
