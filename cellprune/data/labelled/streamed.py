"""Images that are read when they are needed, by several threads and ahead of the network, so that no device waits.

Nothing but the batches that come next is in memory. Images that are shown whole are kept there after they were first
read, where all of them take no more than half of what is free.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cellprune.data.labelled.normalization import Normalization
from cellprune.data.labelled.pixels import Request
from cellprune.data.labelled.sets import Indices, Labelled
from cellprune.data.labelled.views import MARGIN, drawn, middle, moved
from cellprune.errors import CellpruneError, WorkError
from cellprune.machine import threads
from cellprune.machine.memory import available_bytes

AHEAD = 2  # batches that are read before they are asked for
_AT_ONCE = 16  # images that a thread reads in one go
_KEPT_SHARE = 0.5  # of the memory that is free
_TIMED = 64  # images that are read to say how long an epoch's take

Bytes = NDArray[np.uint8]


class Streamed:
    """Batches of images that are read by their numbers.

    Args:
        dataset: whose images are read, and brought to its size.
        device: where batches are made.
        augment: what requests with numbers ask for: "crop" or "resized-crop", see `data.labelled.views`; "none".
        workers: threads that read; 0 for as many as this process has cores.
    """

    def __init__(self, dataset: Labelled, device: torch.device, augment: str, workers: int = 0) -> None:
        self._dataset, self._device, self._augment = dataset, device, augment
        self._margin = MARGIN if augment == "resized-crop" else 1.0
        self._readers = ThreadPoolExecutor(n_threads(dataset, workers), "cellprune-images")
        self._kept = self._known = None
        shape = (len(dataset.targets), *dataset.size, dataset.channels)
        if augment != "resized-crop" and np.prod(shape, dtype=float) <= _KEPT_SHARE * available_bytes(
            torch.device("cpu")
        ):
            self._kept, self._known = np.empty(shape, np.uint8), np.zeros(len(dataset.targets), bool)

    def batches(self, requests: Iterable[Request], norm: Normalization) -> Iterator[tuple[Indices, Tensor]]:
        """Give a batch for each request; the next are being read meanwhile.

        Raises:
            WorkError: an image that cannot be read, or of another size than the others.
        """
        scale, shift = self._affine(norm)
        waiting = deque[tuple[Request, list[Future[Bytes]]]]()
        try:
            for request in requests:
                waiting.append((request, self._begun(*request)))
                if len(waiting) > AHEAD:
                    yield self._made(*waiting.popleft(), scale, shift)
            while waiting:
                yield self._made(*waiting.popleft(), scale, shift)
        finally:
            for _, parts in waiting:
                for part in parts:
                    part.cancel()

    def _begun(self, indices: Indices, numbers: NDArray[np.uint64] | None) -> list[Future[Bytes]]:
        parts = range(0, len(indices), _AT_ONCE)
        return [
            self._readers.submit(
                self._views,
                indices[start : start + _AT_ONCE],
                None if numbers is None else numbers[start : start + _AT_ONCE],
            )
            for start in parts
        ]

    def _views(self, indices: Indices, numbers: NDArray[np.uint64] | None) -> Bytes:
        """Read images as the network is shown them, but for what is done to a whole batch: (B, H, W, C) uint8."""
        if self._kept is not None and self._known is not None:
            for index in indices[~self._known[indices]].tolist():
                self._kept[index] = self._middle(index)
                self._known[index] = True
            return self._kept[indices]
        if numbers is None or self._augment != "resized-crop":
            return np.stack([self._middle(index) for index in indices.tolist()])
        size, read = self._dataset.size, self._read
        pairs = zip(indices.tolist(), numbers.tolist(), strict=True)
        return np.stack([drawn(read(index), size, number) for index, number in pairs])

    def _middle(self, index: int) -> Bytes:
        image, size = self._read(index), self._dataset.size
        if self._dataset.is_of_own_size and image.shape[:2] != size:
            raise WorkError(
                f"{self._dataset.pictures.name(index)} is {image.shape[0]} x {image.shape[1]} px, and others are "
                f"{size[0]} x {size[1]}: give --data.size HEIGHT WIDTH, to which all are brought"
            )
        return middle(image, size, self._margin)

    def _read(self, index: int) -> Bytes:
        try:
            return self._dataset.pictures.read(index)
        except CellpruneError as error:
            raise WorkError(str(error)) from error

    def _made(
        self, request: Request, parts: list[Future[Bytes]], scale: Tensor, shift: Tensor
    ) -> tuple[Indices, Tensor]:
        """Bring a batch to the device, and normalize it there: channels last, as networks are quickest with."""
        indices, numbers = request
        images = torch.from_numpy(np.concatenate([part.result() for part in parts])).to(self._device)
        if numbers is not None and self._augment == "crop":
            images = moved(images, numbers)
        # in one go, with a factor for each value of an image: ten times as fast as channel by channel
        values = torch.addcmul(shift, images.flatten(1).to(torch.float32), scale)
        return indices, values.view(images.shape).permute(0, 3, 1, 2)

    def _affine(self, norm: Normalization) -> tuple[Tensor, Tensor]:
        """Give a factor and a summand for each value of an image."""
        height, width = self._dataset.size
        mean, deviation = np.array(norm.mean), np.array(norm.deviation)
        both = (np.tile(values, height * width) for values in (1 / (255 * deviation), -mean / deviation))
        scale, shift = (torch.from_numpy(values.astype(np.float32)).to(self._device) for values in both)
        return scale, shift


def n_threads(dataset: Labelled, workers: int) -> int:
    """Give how many threads read a set's images."""
    return (workers or threads.count()) if dataset.pictures.reads_at_once else 1


def reading_s(dataset: Labelled, training: Indices, clock: Callable[[], float] = perf_counter) -> float:
    """Give how many seconds the reading of the training part takes this machine, from some images that it reads."""
    some = training[:: -(-len(training) // _TIMED)].tolist()
    began = clock()
    with ThreadPoolExecutor(n_threads(dataset, 0)) as readers:
        list(readers.map(dataset.pictures.read, some))
    return (clock() - began) / len(some) * len(training)
