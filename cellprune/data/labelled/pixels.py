"""What makes batches of images of their numbers: from memory, or by reading them."""

from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from cellprune.data.labelled.normalization import Normalization
from cellprune.data.labelled.sets import Indices

Request = tuple[Indices, NDArray[np.uint64] | None]
"""Images of a batch, and a number for each that decides how it is augmented; None where none is."""


class Pixels(Protocol):
    """Makes batches on the device that trains."""

    def batches(self, requests: Iterable[Request], norm: Normalization) -> Iterator[tuple[Indices, Tensor]]:
        """Give each request's images by their numbers, and as (B, C, H, W) float32, normalized.

        Requests may be asked for ahead of their turn.
        """
        ...
