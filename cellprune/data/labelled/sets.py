"""Sets of images, each of one class: opened by name or path, split into learned from, chosen on, and tested.

The test set is the data set's own and is looked at once, at the end. What is watched while training, and whatever is
chosen, is judged on a validation part drawn from the training images, evenly over the classes.
"""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellprune.data.draws import shuffled
from cellprune.data.inspection import ClassCount, ClassesInspection
from cellprune.data.labelled import cifar, folders
from cellprune.data.labelled.cifar import Targets
from cellprune.data.labelled.content import as_known
from cellprune.data.labelled.folders import FoldersError
from cellprune.data.labelled.pictures import Arrays, Files, Pictures
from cellprune.data.parts import Part
from cellprune.data.sets.cards import all_cards
from cellprune.data.sets.named import MissingDataError, folder_of, is_folder, known_card, located, restored
from cellprune.data.sets.root import VARIABLE
from cellprune.data.sets.root import data_root as root_of
from cellprune.errors import CellpruneError
from cellprune.images.naming import of_text
from cellprune.images.read import ImageError
from cellprune.machine import threads
from cellprune.runs.split import ImagePart, ImageSplit, Split, change

IN_PYTHON = "python:"  # begins the name of a set that no command can open, see `data.labelled.datasets`
_SIZES_LOOKED_AT = 1000

Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Labelled:
    """A data set: its training images, then its test images.

    Attributes:
        targets: (N,) number of each image's class.
        n_train: how many of them are training images.
        files: name -> hash of every file that it consists of; of folders of images, see `data.labelled.content`.
        size: (height, width), px, at which images are shown.
        is_of_own_size: whether all images are of this size, and none is resized.
    """

    name: str
    classes: tuple[str, ...]
    pictures: Pictures
    targets: Targets
    n_train: int
    files: dict[str, str]
    size: tuple[int, int]
    is_of_own_size: bool = True

    @property
    def channels(self) -> int:
        """Of every image."""
        return self.pictures.channels

    def seen_with(self, channels: int) -> "Labelled":
        """Give the set as it is: its images can be read in one way."""
        return self


@dataclass(frozen=True, eq=False)
class Parts:
    """Which images are learned from, chosen on, and tested: indices into the data set, ascending."""

    dataset: Labelled
    holdout: float
    seed: int
    train: Indices
    select: Indices
    report: Indices
    select_share: float = 0.0

    def part(self, name: Part) -> Indices:
        """Give a part by its name."""
        return {"train": self.train, "select": self.select, "report": self.report}[name]

    def known_by(self, written: Split) -> "Parts":
        """Leave out of the hashes what was not hashed when an older run began."""
        known = as_known(self.dataset.files, written.files) if isinstance(written, ImageSplit) else self.dataset.files
        return self if known == self.dataset.files else replace(self, dataset=replace(self.dataset, files=known))

    def written(self) -> ImageSplit:
        """Give what `split.yaml` holds: how the parts are drawn, and digests that tell whether they still are these."""
        parts = {"train": self.train, "select": self.select, "report": self.report}
        return ImageSplit(
            dataset=self.dataset.name,
            how="random",
            holdout=self.holdout,
            select_share=self.select_share,
            seed=self.seed,
            files=self.dataset.files,
            parts={
                name: ImagePart(len(images), hashlib.sha256(images.astype("<i8").tobytes()).hexdigest())
                for name, images in parts.items()
            },
        )


@dataclass(frozen=True)
class HeldOut:
    """How the test images of one tree are drawn: a share of each class, and the seed."""

    share: float
    seed: int


def open_labelled(
    name_or_path: str,
    *,
    data_root: Path | None = None,
    size: tuple[int, int] | None = None,
    test: HeldOut | None = None,
) -> Labelled:
    """Open a set of labelled images: small ones are read, folders of images are listed.

    Args:
        name_or_path: a card's name: cifar10 or cifar100, where `data fetch` or torchvision put them, tiny-imagenet or
            imagenet; or, with a separator, an npz, a folder of CIFAR's official files, or one of images, see
            `data.labelled.folders`.
        data_root: where named sets live; None asks the environment, see `data.sets.root`.
        size: (height, width), px, that all images are brought to; None for their own, which must be equal.
        test: how the test images of one tree are drawn; None for none.
    Raises:
        CellpruneError: no such set, or it is not here (the ways to get it are named), its files are not to be
            trusted, or a folder is of no known shape: see `data.labelled.cifar` and `data.labelled.folders`.
    """
    if name_or_path.startswith(IN_PYTHON):
        raise CellpruneError(
            f"{name_or_path} is a set that was given in Python, which no command can open: give it to cellprune.run "
            "again, as frames"
        )
    if is_folder(name_or_path):
        path = Path(name_or_path).expanduser()
        if path.is_dir() and not cifar.holds(path):
            return _listed(of_text(path.resolve().name), path, size, test)
        return _joined(path.resolve().stem, cifar.read(path), size)
    card = known_card(name_or_path)
    if card.layout == "ctc":
        raise CellpruneError(
            f"{card.name} holds outlined cells, no class for each image: remove --task classification, or take "
            f"{', '.join(other.name for other in all_cards() if other.layout != 'ctc')}"
        )
    root = root_of(data_root)
    if card.layout == "images":
        return _listed(card.name, located(card, data_root), size, test)
    folders = (folder_of(card, root), root / cifar.OFFICIAL[card.name].folder)
    holder = next((folder for folder in folders if cifar.holds(folder)), None)
    if holder is None:
        raise MissingDataError(
            f"{card.name} is not in {root}: run 'cellprune data fetch {card.name}', without the internet 'cellprune "
            f"data fetch {card.name} --from FILE' with {card.address} or an npz of its images, or name its place with "
            f"--data-root or ${VARIABLE}"
        )
    return _joined(card.name, cifar.read(holder), size)


def split(dataset: Labelled, *, holdout: float, seed: int, select_share: float = 0.0) -> Parts:
    """Set a validation part apart from the training images, evenly over the classes; the test set stays whole.

    Args:
        holdout: share of each class's training images, rounded down.
        seed: moves the draw, nothing else does.
        select_share: share of each class's remaining images, rounded down, that is set apart, too: to choose on
            together with the validation images, of which no network learns.
    Raises:
        CellpruneError: a share that leaves a part empty.
    """
    order = shuffled(range(dataset.n_train), "split", "validation", seed, key=int)
    by_class: dict[int, list[int]] = {}
    for index in order:
        by_class.setdefault(int(dataset.targets[index]), []).append(index)
    apart: set[int] = set()
    for own in by_class.values():
        n_watched = int(holdout * len(own) + 1e-9)
        apart.update(own[: n_watched + int(select_share * (len(own) - n_watched) + 1e-9)])
    train = np.array([index for index in range(dataset.n_train) if index not in apart], dtype=np.int64)
    if not apart or not len(train):
        raise CellpruneError(
            f"data.holdout={holdout:g} of {dataset.n_train} training images leaves a part empty: take another share"
        )
    report = np.arange(dataset.n_train, len(dataset.targets))
    return Parts(dataset, holdout, seed, train, np.array(sorted(apart), dtype=np.int64), report, select_share)


def again(dataset: Labelled, written: ImageSplit, part: str) -> Parts:
    """Find the parts of a written split again, with `part` ("report", "train" or "all") in the place of the test set.

    Raises:
        CellpruneError: the data set is another, or not what it was.
    """
    parts = split(dataset, holdout=written.holdout, seed=written.seed, select_share=written.select_share)
    parts = parts.known_by(written)
    if (now := parts.written()) != written:
        what = change(written, now) or "its parts are drawn in another way"
        raise CellpruneError(f"{dataset.name} is not what was split: {what}; {restored(dataset.name)}")
    every = np.arange(len(dataset.targets))
    return replace(parts, report={"report": parts.report, "train": parts.train, "all": every}[part])


def whole(dataset: Labelled) -> Parts:
    """Test on the whole test set: for a network that was trained elsewhere."""
    training, nothing = np.arange(dataset.n_train), np.arange(0)
    return Parts(dataset, 0.0, 0, training, nothing, np.arange(dataset.n_train, len(dataset.targets)))


def check(name_or_path: str, data_root: Path | None = None) -> ClassesInspection:
    """Read a set and count it.

    Raises:
        CellpruneError: no such set, or it is not here.
    """
    try:
        dataset = open_labelled(name_or_path, data_root=data_root)
        contents = _contents(dataset)
    except (cifar.CifarError, FoldersError, ImageError) as error:
        return ClassesInspection(dataset=name_or_path, images={}, classes=(), errors=(str(error),), notes=())
    halves = {"train": slice(dataset.n_train), "test": slice(dataset.n_train, None)}
    counts = {part: np.bincount(dataset.targets[half], minlength=len(dataset.classes)) for part, half in halves.items()}
    learned = set(contents[halves["train"]])
    n_known = sum(image in learned for image in contents[halves["test"]])
    notes = [
        f"classes of {counted.min()} to {counted.max()} images in {part}"
        for part, counted in counts.items()
        if counted.min() != counted.max()
    ]
    if dataset.n_train == len(dataset.targets):
        notes.append("no images of a test: 'train' holds out a share of each class, by data.holdout")
    if n_known:
        notes.append(f"{n_known} test images are also training images, so scores are too good")
    return ClassesInspection(
        dataset=dataset.name,
        images={part: int(counted.sum()) for part, counted in counts.items()},
        classes=tuple(
            ClassCount(name, int(counts["train"][number]), int(counts["test"][number]))
            for number, name in enumerate(dataset.classes)
        ),
        duplicates=n_known,
        files=dataset.files,
        errors=(),
        notes=tuple(notes),
    )


def _contents(dataset: Labelled) -> list[bytes]:
    """Read every image, and give a hash of each one's pixels."""

    def digest(index: int) -> bytes:
        return hashlib.sha256(dataset.pictures.read(index).tobytes()).digest()

    with ThreadPoolExecutor(threads.count() if dataset.pictures.reads_at_once else 1) as readers:
        return list(readers.map(digest, range(len(dataset.targets))))


def _joined(name: str, content: cifar.Content, size: tuple[int, int] | None) -> Labelled:
    (images, targets), (test_images, test_targets) = content.train, content.test
    pictures, both = Arrays(np.concatenate([images, test_images])), np.concatenate([targets, test_targets])
    own = pictures.size(0)
    return Labelled(name, content.classes, pictures, both, len(images), content.files, size or own, size in (None, own))


def _listed(name: str, folder: Path, size: tuple[int, int] | None, test: HeldOut | None) -> Labelled:
    found = folders.find(folder) if test is None else folders.find(folder, held_out=test.share, seed=test.seed)
    pictures = Files(folder, found.paths)
    shown = size or own_size(pictures, len(found.paths))
    return Labelled(name, found.classes, pictures, found.targets, found.n_train, found.files, shown, size is None)


def own_size(pictures: Pictures, n_images: int) -> tuple[int, int]:
    """Give the size that images have, as some that are evenly spread show it; the others tell when they are read.

    Raises:
        CellpruneError: they have several.
    """
    some = range(0, n_images, -(-n_images // _SIZES_LOOKED_AT))
    first = pictures.size(0)
    for index in some:
        if (size := pictures.size(index)) != first:
            raise CellpruneError(
                f"{pictures.name(index)} is {size[0]} x {size[1]} px, but {pictures.name(0)} {first[0]} x {first[1]}: "
                "give --data.size HEIGHT WIDTH, such as 224 224, to which all are brought"
            )
    return first
