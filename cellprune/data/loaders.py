"""Batches for a network: every frame is decoded and resized once; what is random depends on seeds alone.

The sampler hands (epoch, index) to the data set, so that a worker that lives through all epochs augments by the epoch
of the sample, and the batches are the same for any number of workers.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count, cycle, islice
from typing import Protocol

import numpy as np
import torch
from monai.data import CacheDataset
from monai.transforms import Compose
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from cellprune.data.augment import Strength, augment
from cellprune.data.draws import shuffled, stable_hash
from cellprune.data.frames import CLASSES, Frame
from cellprune.data.known import require_known
from cellprune.data.reader import item, prepare
from cellprune.data.split import Part, Split
from cellprune.errors import CellpruneError

Batch = tuple[Tensor, Tensor]  # (B, C, h, w) float32 of mean 0 and deviation 1; (B, h, w) int64, 255 ignored
Arrays = tuple[NDArray[np.float32], NDArray[np.uint8]]  # one image (C, h, w) and its target (h, w)
Draw = tuple[int, int]  # epoch and index into the training part


class Batches(Protocol):
    """Batches that can be gone through again and counted."""

    def __iter__(self) -> Iterator[Batch]: ...
    def __len__(self) -> int: ...


@dataclass(frozen=True)
class Sample:
    """One frame ready to be scored and shown.

    Attributes:
        image: (1, C, h, w) float32 tensor, mean 0, deviation 1, at the network's size.
        target: (h, w) uint8 at the network's size; 255 is ignored.
        target_native: (H, W) uint8 as the truth was drawn; 255 is ignored.
        raw: (C, H, W) float32 in 0..1, the native image, for pictures.
    """

    frame: Frame
    image: Tensor
    target: NDArray[np.uint8]
    target_native: NDArray[np.uint8]
    raw: NDArray[np.float32]


class Loaders:
    """The batches and samples of one split.

    Args:
        split: which frames are learned from and which are held out. All are read here, so that a bad file is found
            before any work.
        size: (height, width) of the network's input.
        batch_size: images of a batch, over all processes together.
        seed: of order and augmentation.
        workers: processes that augment; 0 augments in this one.
        augment: how much training batches are changed, see `data.augment`.
        ignore_border_px: see `data.truth.target`.
        channels: that every image must have.
        classes: names of what a pixel can be, see `data.open.open_dataset`.
    Raises:
        CellpruneError: a file that cannot be used; the message names it. Or a part without a pixel that counts.
    """

    def __init__(
        self,
        split: Split,
        *,
        size: tuple[int, int] = (256, 256),
        batch_size: int,
        seed: int,
        workers: int = 0,
        augment: Strength = "full",
        ignore_border_px: int = 0,
        channels: int = 1,
        classes: tuple[str, ...] = CLASSES,
    ) -> None:
        self.classes = classes
        self._split, self._size, self._border_px, self._channels = split, size, ignore_border_px, channels
        self._batch_size, self._seed, self._workers, self._augment = batch_size, seed, workers, augment
        with _clear_errors():
            frames, transform = [item(frame) for frame in split.train], self._transform("train", keep_native=False)
            self._training = CacheDataset(frames, transform, num_workers=1, progress=False, copy_cache=False)
        self._held_out: dict[Part, list[Sample]] = {part: list(self._prepared(part)) for part in ("select", "report")}
        learned = zip(split.train, (self._training[at]["target"] for at in range(self.n_train)), strict=True)
        require_known(learned, policy=split.policy_of("train"), use="learned")
        for part, samples in self._held_out.items():
            scored = ((sample.frame, sample.target) for sample in samples)
            require_known(scored, policy=split.policy_of(part), use="scored")
        self._loaders: dict[tuple[int, int], tuple[DataLoader, _EpochSampler]] = {}

    @property
    def n_train(self) -> int:
        """How many images are learned from."""
        return len(self._training)

    def train(self, epoch: int, rank: int = 0, world: int = 1) -> Batches:
        """Give an epoch's batches, shuffled by (seed, epoch), augmented by (seed, epoch, index).

        Every one of `world` processes gets its share of each batch. A batch that cannot be shared out evenly is
        filled up from the epoch's start, so that all processes have equally many images.
        """
        if (rank, world) not in self._loaders:
            samples = _Training(self._training, self._seed, "train", strength=self._augment)
            sampler = _EpochSampler(len(samples), self._batch_size, self._seed, rank, world)
            loader = DataLoader(
                samples,
                batch_sampler=sampler,
                collate_fn=_stacked,
                num_workers=self._workers,
                persistent_workers=self._workers > 0,
                worker_init_fn=_single_threaded,
                generator=torch.Generator(),  # without it every epoch draws from the global generator
            )
            self._loaders[rank, world] = loader, sampler
        return _Epoch(*self._loaders[rank, world], epoch)

    def plain(self) -> Iterator[Batch]:
        """Give the training part once, not augmented, in fixed order.

        No batch holds a single image, a last one joins the batch before it: the statistics of one image would count
        as much as a whole batch's.
        """
        samples = _Training(self._training, self._seed, "plain", strength="none")
        chunks = _chunks([(0, index) for index in range(len(samples))], max(2, self._batch_size))
        if len(chunks) > 1 and len(chunks[-1]) == 1:
            chunks[-2:] = [chunks[-2] + chunks[-1]]
        for chunk in chunks:
            yield _stacked([samples[draw] for draw in chunk])

    def scoring(self, batch_size: int) -> Iterator[Batch]:
        """Give endless augmented training batches, always full; they depend on the seed alone.

        A batch larger than the training part goes through it again, augmented anew.
        """
        samples = _Training(self._training, self._seed, "scoring", strength=self._augment)
        assert len(samples), "an empty training part has no end of draws to wait for"
        draws = (draw for epoch in count() for draw in _order(len(samples), self._seed, "scoring", epoch))
        while True:
            yield _stacked([samples[draw] for draw in islice(draws, batch_size)])

    def samples(self, part: Part) -> Iterable[Sample]:
        """Give the frames of a part one by one, in the order of (sequence, time), not augmented."""
        # the native arrays of the training part may be large and are hardly ever asked for, so they are not kept
        return self._held_out[part] if part in self._held_out else self._prepared(part)

    def _prepared(self, part: Part) -> Iterator[Sample]:
        transform = self._transform(part, keep_native=True)
        for frame in self._split.part(part):
            with _clear_errors():
                arrays = transform(item(frame))
            image = torch.from_numpy(arrays["image"])[None]
            yield Sample(frame, image, arrays["target"], arrays["target_native"], arrays["raw"])

    def _transform(self, part: Part, *, keep_native: bool) -> Compose:
        policy = self._split.policy_of(part)
        return prepare(
            self._size,
            policy,
            channels=self._channels,
            classes=len(self.classes),
            ignore_border_px=self._border_px,
            keep_native=keep_native,
        )


class _Training(Dataset):
    """The training part by (epoch, index); `purpose` keeps the draws of pruning and of training apart."""

    def __init__(self, cached: CacheDataset, seed: int, purpose: str, *, strength: Strength) -> None:
        self._cached, self._seed, self._purpose, self._strength = cached, seed, purpose, strength

    def __len__(self) -> int:
        return len(self._cached)

    def __getitem__(self, draw: Draw) -> Arrays:
        epoch, index = draw
        found = self._cached[index]
        seed = stable_hash("augment", self._purpose, self._seed, epoch, index)
        return augment(found["image"], found["target"], seed=seed, strength=self._strength)


class _EpochSampler:
    """Hands out one process's share of each batch of the epoch that is set."""

    def __init__(self, n_samples: int, batch_size: int, seed: int, rank: int, world: int) -> None:
        self._n_samples, self._batch_size, self._seed, self._rank, self._world = (
            n_samples,
            batch_size,
            seed,
            rank,
            world,
        )
        self.epoch = 0

    def __iter__(self) -> Iterator[list[Draw]]:
        order = _order(self._n_samples, self._seed, "train", self.epoch)
        for batch in _chunks(order, self._batch_size):
            n_lacking = -len(batch) % self._world
            yield [*batch, *islice(cycle(order), n_lacking)][self._rank :: self._world]

    def __len__(self) -> int:
        return -(-self._n_samples // self._batch_size)


class _Epoch:
    """One epoch of a loader that is used for all: workers and their caches live on."""

    def __init__(self, loader: DataLoader, sampler: _EpochSampler, epoch: int) -> None:
        self._loader, self._sampler, self._epoch = loader, sampler, epoch

    def __iter__(self) -> Iterator[Batch]:
        self._sampler.epoch = self._epoch
        return iter(self._loader)

    def __len__(self) -> int:
        return len(self._sampler)


def _order(n_samples: int, seed: int, purpose: str, epoch: int) -> list[Draw]:
    return [(epoch, index) for index in shuffled(range(n_samples), "order", purpose, seed, epoch, key=int)]


def _chunks(draws: list[Draw], size: int) -> list[list[Draw]]:
    return [draws[start : start + size] for start in range(0, len(draws), size)]


def _stacked(pairs: list[Arrays]) -> Batch:
    images, targets = zip(*pairs, strict=True)
    return torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(targets).astype(np.int64))


@contextmanager
def _clear_errors() -> Iterator[None]:
    """MONAI wraps what a transform raises; give our own error back, which names the file."""
    try:
        yield
    except RuntimeError as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, CellpruneError):
            cause = cause.__cause__
        raise cause or error from None


def _single_threaded(_: int) -> None:
    """Workers are the parallelism; OpenCV's threads inside each would only fight, and may hang after a fork."""
    import cv2

    cv2.setNumThreads(0)
