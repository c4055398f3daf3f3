"""Batches for a network: every frame is decoded and resized once; what is random depends on seeds alone.

What is learned from is whole frames of one size, or square crops of frames of any sizes.

A batch is (B, C, h, w) float32, normalized, and what is learned of it: (B, h, w) int64 classes, of which 255 is
ignored, or (B, maps, h, w) float32, of which NaN is ignored.

The sampler hands (epoch, index) to the data set, so that a worker that lives through all epochs augments by the epoch
of the sample, and the batches are the same for any number of workers.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from itertools import chain, count, cycle, islice
from pathlib import Path

import numpy as np
import torch
from monai.data import CacheDataset
from monai.transforms import Compose
from numpy.typing import NDArray
from torch.utils.data import ConcatDataset, DataLoader, Dataset

from cellprune.data.batches import Batch, Batches
from cellprune.data.cells.augment import Strength, augment
from cellprune.data.cells.crops import cut
from cellprune.data.cells.frames import Frame
from cellprune.data.cells.known import require_known
from cellprune.data.cells.reader import item, native, prepare
from cellprune.data.cells.split import Split
from cellprune.data.cells.truth import Policy
from cellprune.data.draws import shuffled, stable_hash
from cellprune.data.parts import Part
from cellprune.errors import CellpruneError
from cellprune.images.network_input import seen
from cellprune.runs.modelcard import ModelCard
from cellprune.targets.classes import encode
from cellprune.targets.decoders import Decoder
from cellprune.targets.kinds import Encoded, Labels
from cellprune.targets.neighbours import usual

Arrays = tuple[NDArray[np.float32], Encoded]  # one image (C, h, w) and what is learned of it
Draw = tuple[int, int]  # which pass over the training part, and the index into it

_MOST_ZOOM = 1.3  # of crops, at full strength
_PLAIN_CROPS = 64  # at least, of which a norm's statistics are the mean


@dataclass(frozen=True, eq=False)
class Sample:
    """One frame ready to be scored and shown.

    Attributes:
        labels_native: (H, W) int32 as the truth was drawn, every cell with its number; -1 is ignored.
        target_native: (H, W) uint8, the class of every pixel; 255 is ignored.
        raw: (C, H, W) float32 in 0..1, the native image.
    """

    frame: Frame
    labels_native: Labels
    target_native: NDArray[np.uint8]
    raw: NDArray[np.float32]
    _seen: dict[ModelCard, NDArray[np.float32]] = field(default_factory=dict, repr=False)

    def seen(self, card: ModelCard) -> NDArray[np.float32]:
        """Give what a network of this card is shown: (C, h, w) float32. It is made once, however often it is scored."""
        seeing = card.model_copy(update={"decoder": None})  # which has no say in what is shown
        if seeing not in self._seen:
            self._seen[seeing] = seen(self.raw, seeing)
        return self._seen[seeing]


class Loaders:
    """The batches and samples of one split.

    Args:
        split: which frames are learned from and which are held out. All are read here, so that a bad file is found
            before any work. Those that nobody annotated are seen by `train` alone.
        card: of the network that learns from them: the channels of every image, its normalization, the classes, and
            what is learned. Here it gets the size of the cells to be learned from, and the decoder that follows.
        size: (height, width) that the frames to be learned from are brought to, whole; without crops.
        crop: side of the square crops that are learned from, px; frames keep their aspect, and are zoomed as the card
            says.
        batch_size: images of a batch, over all processes together.
        steps_per_epoch: batches of an epoch, in which the training part comes as often as it takes; None for once.
        seed: of order and augmentation.
        workers: processes that augment; 0 augments in this one.
        augment: how much training batches are changed, see `data.cells.augment`.
        ignore_border_px: see `data.cells.truth.target`.
        field_of_interest_px: width of the outer band in which cells are not judged.
    Raises:
        CellpruneError: a file that cannot be used; the message names it. Or a part without a pixel that counts.
    """

    def __init__(
        self,
        split: Split,
        *,
        card: ModelCard,
        size: tuple[int, int] = (256, 256),
        crop: int | None = None,
        batch_size: int,
        steps_per_epoch: int | None = None,
        seed: int,
        workers: int = 0,
        augment: Strength = "full",
        ignore_border_px: int = 0,
        field_of_interest_px: int = 0,
    ) -> None:
        self.field_of_interest_px = field_of_interest_px
        self._split, self._border_px = split, ignore_border_px
        self._batch_size, self._seed, self._workers, self._augment = batch_size, seed, workers, augment
        self._crop, self._steps = crop, steps_per_epoch
        with _clear_errors():
            frames = [item(frame) for frame in split.train]
            transform = prepare(
                None if crop else size, split.policy_of("train"), card, ignore_border_px=ignore_border_px
            )
            self._training = _cached(frames, transform)
            alone = prepare(None if crop else size, None, card, ignore_border_px=ignore_border_px)
            self._unannotated = _cached([item(frame) for frame in split.unannotated], alone)
        measured = [self._training[at]["sizes"] for at in range(self.n_train)]
        self.card = card.with_cells(usual(np.concatenate(measured)) if measured else None)
        self._held_out: dict[Part, list[Sample]] = {
            part: list(self._prepared(part, split.part(part))) for part in ("select", "report")
        }
        learned = zip(split.train, (self._training[at]["target"] for at in range(self.n_train)), strict=True)
        require_known(learned, policy=split.policy_of("train"), use="learned")
        for part, samples in self._held_out.items():
            scored = ((sample.frame, sample.target_native) for sample in samples)
            require_known(scored, policy=split.policy_of(part), use="scored")
        self._loaders: dict[tuple[int, int], tuple[DataLoader, _EpochSampler]] = {}

    @property
    def policy(self) -> Policy:
        """What a cell without a gold mask is."""
        return self._split.policy

    @property
    def n_train(self) -> int:
        """How many images are learned from."""
        return len(self._training)

    def train(self, epoch: int, rank: int = 0, world: int = 1) -> Batches:
        """Give an epoch's batches, shuffled by (seed, epoch), augmented by (seed, epoch, index).

        Where frames are learned from that nobody annotated, every second image is one of them, and an epoch has as many
        steps as without them.

        Every one of `world` processes gets its share of each batch. A batch that cannot be shared out evenly is
        filled up from the epoch's start, so that all processes have equally many images.
        """
        if (rank, world) not in self._loaders:
            both: ConcatDataset = ConcatDataset([self._training, self._unannotated])
            samples = _Training(both, self._seed, "train", strength=self._augment, crop=self._crop)
            n_draws = self.n_train if self._steps is None else self._steps * self._batch_size
            n_of = (self.n_train, len(self._unannotated))
            sampler = _EpochSampler(n_of, n_draws, self._batch_size, self._seed, rank, world)
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
        """Give the training part once, not augmented, in fixed order; of few crops more than one of each frame.

        No batch holds a single image, a last one joins the batch before it: the statistics of one image would count
        as much as a whole batch's.
        """
        samples = _Training(self._training, self._seed, "plain", strength="none", crop=self._crop)
        n_passes = -(-_PLAIN_CROPS // max(1, len(samples))) if self._crop else 1
        draws = [(number, index) for number in range(n_passes) for index in range(len(samples))]
        chunks = _chunks(draws, max(2, self._batch_size))
        if len(chunks) > 1 and len(chunks[-1]) == 1:
            chunks[-2:] = [chunks[-2] + chunks[-1]]
        for chunk in chunks:
            yield _stacked([samples[draw] for draw in chunk])

    def scoring(self, batch_size: int) -> Iterator[Batch]:
        """Give endless augmented training batches, always full; they depend on the seed alone.

        A batch larger than the training part goes through it again, augmented anew.
        """
        samples = _Training(self._training, self._seed, "scoring", strength=self._augment, crop=self._crop)
        assert len(samples), "an empty training part has no end of draws to wait for"
        draws = (draw for epoch in count() for draw in _order(len(samples), self._seed, "scoring", epoch))
        while True:
            yield _stacked([samples[draw] for draw in islice(draws, batch_size)])

    def samples(self, part: Part) -> Iterable[Sample]:
        """Give the frames of a part one by one, in the order of (sequence, time), not augmented."""
        # the native arrays of the training part may be large and are hardly ever asked for, so they are not kept
        return self._held_out[part] if part in self._held_out else self._prepared(part, self.frames(part))

    def learned(self, frames: Iterable[Frame]) -> Iterator[Sample]:
        """Give some frames of the training part one by one, not augmented."""
        return self._prepared("train", frames)

    def count_cells(self, frames: Iterable[Frame]) -> int:
        """Count the cells that are drawn in some frames of the training part."""
        place = {frame: at for at, frame in enumerate(self._split.train)}
        return sum(len(self._training[place[frame]]["sizes"]) for frame in frames)

    def decoded_by(self, decoder: Decoder) -> "Loaders":
        """Give the same frames and batches, with another decoder on the card."""
        other = copy(self)
        other.card = self.card.decoded_by(decoder)
        return other

    def frames(self, part: Part) -> Sequence[Frame]:
        """List the frames of a part, in the order of (sequence, time)."""
        return self._split.part(part)

    def _prepared(self, part: Part, frames: Iterable[Frame]) -> Iterator[Sample]:
        transform = native(self._split.policy_of(part), self.card, ignore_border_px=self._border_px)
        for frame in frames:
            with _clear_errors():
                arrays = transform(item(frame))
            labels = arrays["labels_native"]
            yield Sample(frame, labels, encode(labels, len(self.card.classes)), arrays["raw"])


class _Training(Dataset):
    """The training part by (pass, index); `purpose` keeps the draws of pruning and of training apart."""

    def __init__(
        self,
        cached: CacheDataset | ConcatDataset,
        seed: int,
        purpose: str,
        *,
        strength: Strength,
        crop: int | None = None,
    ) -> None:
        self._cached, self._seed, self._purpose, self._strength = cached, seed, purpose, strength
        self._crop = crop

    def __len__(self) -> int:
        return len(self._cached)

    def __getitem__(self, draw: Draw) -> Arrays:
        number, index = draw
        image, target = self._cached[index]["image"], self._cached[index]["target"]
        if self._crop:
            place = stable_hash("crop", self._purpose, self._seed, number, index)
            most_zoom = _MOST_ZOOM if self._strength == "full" else 1.0
            image, target = cut(image, target, self._crop, seed=place, most_zoom=most_zoom)
        seed = stable_hash("augment", self._purpose, self._seed, number, index)
        return augment(image, target, seed=seed, strength=self._strength)


class _EpochSampler:
    """Hands out one process's share of each batch of the epoch that is set.

    Epochs go on where the one before ended, pass after pass over the training part.

    Args:
        n_of: how many samples are annotated and, after them, how many are not; of the latter, if any, is every second
            draw.
        n_draws: of an epoch.
    """

    def __init__(self, n_of: tuple[int, int], n_draws: int, batch_size: int, seed: int, rank: int, world: int) -> None:
        self._n_of, self._n_draws, self._batch_size = n_of, n_draws, batch_size
        self._seed, self._rank, self._world = seed, rank, world
        self.epoch = 0

    def __iter__(self) -> Iterator[list[Draw]]:
        order = self._draws(self.epoch * self._n_draws)
        for batch in _chunks(order, self._batch_size):
            n_lacking = -len(batch) % self._world
            yield [*batch, *islice(cycle(order), n_lacking)][self._rank :: self._world]

    def _draws(self, first: int) -> list[Draw]:
        """Give the draws of an epoch, which come after so many."""
        (n_annotated, n_others), seed = self._n_of, self._seed
        if not n_others:
            return list(islice(_passes(n_annotated, seed, "train", first), self._n_draws))
        annotated = _passes(n_annotated, seed, "train", (first + 1) // 2)
        others = _passes(n_others, seed, "unannotated", first // 2)
        turns = (at % 2 for at in range(first, first + self._n_draws))
        drawn = ((next(others), n_annotated) if is_other else (next(annotated), 0) for is_other in turns)
        return [(number, index + after) for (number, index), after in drawn]

    def __len__(self) -> int:
        return -(-self._n_draws // self._batch_size)


class _Epoch:
    """One epoch of a loader that is used for all: workers and their caches live on."""

    def __init__(self, loader: DataLoader, sampler: _EpochSampler, epoch: int) -> None:
        self._loader, self._sampler, self._epoch = loader, sampler, epoch

    def __iter__(self) -> Iterator[Batch]:
        self._sampler.epoch = self._epoch
        return iter(self._loader)

    def __len__(self) -> int:
        return len(self._sampler)


def _order(n_samples: int, seed: int, purpose: str, number: int) -> list[Draw]:
    return [(number, index) for index in shuffled(range(n_samples), "order", purpose, seed, number, key=int)]


def _passes(n_samples: int, seed: int, purpose: str, first: int) -> Iterator[Draw]:
    """Give endless draws, pass after pass, but for the first of them."""
    number, skipped = divmod(first, n_samples)
    passes = (_order(n_samples, seed, purpose, at) for at in count(number))
    return islice(chain.from_iterable(passes), skipped, None)


def _chunks(draws: list[Draw], size: int) -> list[list[Draw]]:
    return [draws[start : start + size] for start in range(0, len(draws), size)]


def _cached(items: Sequence[dict[str, Path | Frame]], transform: Compose) -> CacheDataset:
    return CacheDataset(items, transform, num_workers=1, progress=False, copy_cache=False)


def _stacked(pairs: list[Arrays]) -> Batch:
    images, targets = (np.stack(arrays) for arrays in zip(*pairs, strict=True))
    classes_or_numbers = targets.astype(np.int64) if targets.dtype == np.uint8 else targets
    return torch.from_numpy(images), torch.from_numpy(classes_or_numbers)


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
