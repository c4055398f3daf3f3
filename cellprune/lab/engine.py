"""What the lab asks of whatever runs the network. torch's engine stands in `models/engine.py`."""

from collections.abc import Callable
from typing import Protocol, TypeGuard

import numpy as np
from numpy.typing import NDArray

from cellprune.config import names
from cellprune.runs.modelcard import ModelCard, ReceptiveField

Floats = NDArray[np.float32]


class Engine(Protocol):
    """A network that is ready to compute.

    Attributes:
        card: what the network takes and gives.
        input_size: pixels that the network's maps must cover along one axis -> the size that it mirrors the image to,
            `(want - have) // 2` px of it before the image; the same number where it takes the image as it is.
        receptive_field: how far a pixel looks; None where that has no bound, so that tiles are near the whole only.
        bytes_per_pixel: memory at work for each pixel that the network takes in.
    """

    card: ModelCard
    input_size: Callable[[int], int]

    @property
    def receptive_field(self) -> ReceptiveField | None: ...

    @property
    def bytes_per_pixel(self) -> float: ...

    def __call__(self, images: Floats, /) -> Floats:
        """Give class probabilities (N, classes, H, W) float32 for normalized images (N, C, H, W) float32.

        Raises:
            WorkError: the memory is not enough for images of this size.
        """
        ...


def engine_of(model: object, *, device: str = "auto") -> Engine:
    """Give an engine as it is, and wrap anything else: a torch network, a run folder, a model file."""
    if _is_engine(model):
        return model
    made: Engine = names.resolve("engine", "torch")(model, device=device)
    return made


def _is_engine(model: object) -> TypeGuard[Engine]:
    return isinstance(getattr(model, "card", None), ModelCard)
