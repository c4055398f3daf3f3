"""A bare network, run by whatever runs it, made to take any image: mirrored, cut back, logits to maps.

What `models/` does around its networks in torch, in numpy, so that all engines do the same.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np

from cellprune.errors import CellpruneError
from cellprune.lab.engine import Floats, Running
from cellprune.runs.modelcard import InputSizes, ModelCard, ReceptiveField


def maps_of(run: Callable[[Floats], Floats], images: Floats, sizes: InputSizes, card: ModelCard) -> Floats:
    """Give the maps, (N, maps, H, W) float32, of images (N, C, H, W) float32.

    Args:
        run: images of a size that fits -> what the bare network gives.
        sizes: those that fit.
        card: tells whether that are logits, and the maps probabilities.
    Raises:
        CellpruneError: an image of one pixel's side, which has nothing to mirror.
    """
    size = (images.shape[2], images.shape[3])
    paddings = [(0, 0), (0, 0)]
    for have in size:
        missing = sizes(have) - have
        paddings.append((missing // 2, missing - missing // 2))
        if missing and have < 2:
            raise CellpruneError(f"an image of {size[0]} x {size[1]} px is too small to mirror: give at least 2 px")
    padded = np.pad(images, paddings, mode="reflect") if np.any(paddings) else images
    logits = run(np.ascontiguousarray(padded))
    top, left = ((have - want) // 2 for have, want in zip(logits.shape[2:], size, strict=True))
    inside = logits[..., top : top + size[0], left : left + size[1]]
    return softmax(inside) if card.gives_probabilities else inside


def softmax(logits: Floats) -> Floats:
    """Give probabilities along axis 1."""
    powers = np.exp(logits - logits.max(1, keepdims=True))
    powers /= powers.sum(1, keepdims=True)
    return powers


class BareEngine(ABC):
    """An engine that runs the bare network of a file, and says of it what the file's card says; see `Engine`."""

    def __init__(self, card: ModelCard, sizes: InputSizes, running: Running) -> None:
        """Keep what is known of a network.

        Args:
            card: what the file says of it.
            sizes: the input sizes that it takes.
            running: what computes it.
        """
        self.card = card
        self.input_size = sizes
        self.running = running

    def __call__(self, images: Floats) -> Floats:
        """Give the maps, (N, maps, H, W) float32, of images (N, C, H, W) float32.

        Raises:
            WorkError: the memory does not suffice.
        """
        return maps_of(self._run, images, self.input_size, self.card)

    @abstractmethod
    def _run(self, images: Floats) -> Floats:
        """Give what the bare network gives of images of a size that it takes."""

    @property
    def receptive_field(self) -> ReceptiveField | None:
        """What the card says."""
        return self.card.receptive_field

    @property
    def bytes_per_pixel(self) -> float:
        """What the card says."""
        assert self.card.bytes_per_pixel is not None
        return self.card.bytes_per_pixel
