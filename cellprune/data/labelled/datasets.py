"""Sets of torch `Dataset`s in Python: of torchvision, or of one's own."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, SupportsInt, cast

import numpy as np
from PIL import Image
from torch import Tensor

from cellprune.data.labelled.pictures import Bytes
from cellprune.data.labelled.sets import IN_PYTHON, Labelled, own_size
from cellprune.errors import CellpruneError
from cellprune.wording import many, quoted

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_HASHED = 1000  # images that tell one set from another, evenly spread


class Sized(Protocol):
    """A torch `Dataset` that can be counted and gives (image, class) by number."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> object: ...


@dataclass(frozen=True, eq=False)
class Items:
    """Images of two torch data sets, the training images first: each of PIL, a uint8 tensor (C, H, W) or array."""

    train: Sized
    test: Sized
    channels: int

    reads_at_once = False  # nobody says whether a data set of somebody's own may be asked by two threads

    def size(self, index: int, /) -> tuple[int, int]:
        """Give height and width, px."""
        height, width, _ = self.read(index).shape
        return height, width

    def read(self, index: int, /) -> Bytes:
        """Ask the data set, and give what it has as bytes."""
        n_train = len(self.train)
        data, at = (self.train, index) if index < n_train else (self.test, index - n_train)
        pixels = bytes_of(pair(data, at, self.name(index))[0], self.name(index))
        if pixels.shape[2] != self.channels:
            raise CellpruneError(f"{self.name(index)} has {pixels.shape[2]} channels, and the first {self.channels}")
        return pixels

    def name(self, index: int, /) -> str:
        """Say which item of which data set."""
        n_train = len(self.train)
        return f"train[{index}]" if index < n_train else f"test[{index - n_train}]"


def labelled(
    train: Sized,
    test: Sized,
    *,
    name: str,
    classes: Sequence[str] | None = None,
    size: tuple[int, int] | None = None,
) -> Labelled:
    """Make a set of two torch data sets, to be given to `cellprune.run` as `frames`.

    Args:
        train, test: give (image, class) by number. An image is of PIL, a uint8 tensor (C, H, W) or array (H, W, C),
            without transforms that augment or normalize; a class is a number from 0. If one has an attribute `targets`,
            as torchvision's have, the classes are read there; else every item is asked once.
        name: of the set, for records.
        classes: names by number; without them those of `train.classes`, or the numbers.
        size: (height, width), px, that all images are brought to; None for their own, which must be equal.
    Returns:
        The set. Images are read while a network trains.
    Raises:
        CellpruneError: no image, something else than images of bytes and whole numbers, a class that only the test
            has, or images of several sizes or numbers of channels.
    Example:
        >>> import torch
        >>> from torch.utils.data import TensorDataset
        >>> images, numbers = torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8), torch.arange(8) % 2
        >>> dataset = TensorDataset(images, numbers)
        >>> labelled(dataset, dataset, name="noise").classes
        ('0', '1')
    """
    if not _NAME.fullmatch(name):
        raise CellpruneError(f"{quoted(name)} is no name of a set: take letters, digits, - and _")
    for part, data in (("train", train), ("test", test)):
        if not len(data):
            raise CellpruneError(f"{name}: {part} holds no image: give a data set with some")
    pictures = Items(train, test, bytes_of(pair(train, 0, "train[0]")[0], "train[0]").shape[2])
    learned, scored = _targets(train, "train"), _targets(test, "test")
    if unknown := set(scored) - set(learned):
        raise CellpruneError(f"{name}: test has the class {min(unknown)}, of which train has no image: give some")
    n_classes = 1 + int(max(learned.max(), scored.max()))
    names = tuple(map(str, classes or getattr(train, "classes", None) or range(n_classes)))
    if len(names) < max(2, n_classes):
        raise CellpruneError(
            f"{name}: {many(len(names), 'class')} named, and numbers go up to {n_classes - 1}: name two or more, each"
        )
    targets = np.concatenate([learned, scored])
    shown = size or own_size(pictures, len(targets))
    files = {"some of its images": _digest(pictures, targets, shown)}
    return Labelled(f"{IN_PYTHON}{name}", names, pictures, targets, len(learned), files, shown, size is None)


def _targets(data: Sized, part: str) -> np.ndarray:
    """Give the number of each item's class, (N,) int64."""
    given: Iterable[object] | None = getattr(data, "targets", None)
    if given is None:
        given = (pair(data, at, f"{part}[{at}]")[1] for at in range(len(data)))
    numbers = []
    for at, value in enumerate(given):
        try:
            number = int(cast(SupportsInt, value))
        except (TypeError, ValueError):
            number = -1
        if number < 0 or number != value:
            raise CellpruneError(f"{part}[{at}] has the class {quoted(value)}: give its number, from 0")
        numbers.append(number)
    return np.array(numbers, dtype=np.int64)


def _digest(pictures: Items, targets: np.ndarray, size: tuple[int, int]) -> str:
    content = hashlib.sha256(np.array([*size, *targets], dtype="<i8").tobytes())
    for index in range(0, len(targets), -(-len(targets) // _HASHED)):
        content.update(pictures.read(index).tobytes())
    return content.hexdigest()


def pair(data: Sized, index: int, name: str) -> tuple[object, object]:
    """Give the image and the class of one item.

    Raises:
        CellpruneError: it is no such pair.
    """
    item: object = data[index]
    if not isinstance(item, tuple | list) or len(item) != 2:
        raise CellpruneError(f"{name} is {type(item).__name__}, not a pair of an image and the number of its class")
    return item[0], item[1]


def bytes_of(image: object, name: str) -> Bytes:
    """Give an image of a torch data set as (H, W, C) uint8.

    Raises:
        CellpruneError: it is neither of PIL, nor a uint8 tensor (C, H, W) or (H, W), nor a uint8 array (H, W, C) or
            (H, W).
    """
    if isinstance(image, Image.Image):
        image = np.array(image.convert("L" if image.mode in ("1", "L") else "RGB"))
    elif isinstance(image, Tensor):
        values = image.detach().cpu().numpy()
        image = np.moveaxis(values, 0, -1) if values.ndim == 3 else values
    if isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim in (2, 3) and image.size:
        return image[..., None] if image.ndim == 2 else image
    what = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
    raise CellpruneError(
        f"{name} is {what}, not an image of bytes: give uint8 tensors (C, H, W) or images of PIL, without transforms, "
        "because cellprune augments and normalizes by itself"
    )
