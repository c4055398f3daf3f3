"""An epoch of images of classes in folders: ours against torchvision's ImageFolder behind a DataLoader.

Two made-up sets, of 64 x 64 px as TinyImageNet (moved and mirrored) and of 375 x 500 px as ImageNet (a part of each,
brought to 224 px, and mirrored), are gone through in turn in one process. The numbers are CPU seconds of the whole
process, threads included, so a waiting device gains more than they say: ours reads ahead of it. With `--network`, a
ResNet-20 is trained on the small images, too: by cellprune's loop, and by a plain one as in torchvision's examples.

    OMP_NUM_THREADS=1 python benchmarks/class_images.py              about a minute
    OMP_NUM_THREADS=1 python benchmarks/class_images.py --network    some minutes
"""

import argparse
import json
import os

os.environ.update({"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})

import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from cellprune.config.training import Training
from cellprune.data.labelled import sets
from cellprune.data.labelled.loaders import Loaders
from cellprune.machine.torchvision import ensure_torchvision
from cellprune.models import build
from cellprune.training import accelerator
from cellprune.training.fit import fit
from cellprune.training.sparse.static import Static

CLASSES, BATCH, RATE = 4, 32, 0.01
NORM = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
Seconds = dict[str, list[float]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=400, help="of each set (default 400)")
    parser.add_argument("--epochs", type=int, default=4, help="of each arm, in turn (default 4)")
    parser.add_argument("--network", action="store_true", help="train a network on the small images, too")
    parser.add_argument("--json", metavar="FILE", help="write the numbers as JSON, too")
    arguments = parser.parse_args()
    ensure_torchvision()
    torch.set_num_threads(1)

    found: dict[str, Any] = {"torch": torch.__version__, "images": arguments.images, "ratios": {}}
    with tempfile.TemporaryDirectory() as folder:
        small = written(Path(folder, "small"), (64, 64), arguments.images)
        large = written(Path(folder, "large"), (375, 500), arguments.images)
        cases: dict[str, Callable[[], Seconds]] = {
            "64 px, moved": lambda: of_images(small, None, "crop", arguments.epochs),
            "224 px, parts": lambda: of_images(large, (224, 224), "resized-crop", arguments.epochs),
        }
        if arguments.network:
            cases["64 px, ResNet-20"] = lambda: of_training(small, arguments.epochs)
        print(f"{'ms an image':20}{'plain':>8}{'first':>8}{'later':>8}{'ratio':>8}{'later':>8}")
        for name, measure in cases.items():
            seconds = measure()
            # the fastest epoch of each, for other work on the machine only ever adds
            plain, first, later = min(seconds["plain"]), seconds["ours"][0], min(seconds["ours"][1:])
            found["ratios"][name] = {"first": first / plain, "later": later / plain}
            ms = "".join(f"{1000 * value / arguments.images:8.2f}" for value in (plain, first, later))
            print(f"{name:20}{ms}{first / plain:8.2f}{later / plain:8.2f}", flush=True)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(found, indent=1))


def written(folder: Path, size: tuple[int, int], n_images: int) -> Path:
    """Write JPEG files of clouds at all scales, about as many bytes as photographs have."""
    draw = np.random.default_rng(0)
    for at in range(n_images + CLASSES):
        part, name = ("train", "val")[at >= n_images], f"class{at % CLASSES}"
        layers = [
            np.asarray(Image.fromarray(draw.integers(0, 256, (side, side, 3), np.uint8)).resize(size[::-1]), float)
            for side in (3, 12, 48)
        ]
        path = folder / part / name / f"{at}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = 0.5 * layers[0] + 0.3 * layers[1] + 0.2 * layers[2] + draw.normal(0, 4, (*size, 3))
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path, quality=90)
    return folder


def ours(folder: Path, size: tuple[int, int] | None, augment: str) -> Loaders:
    """Give cellprune's batches of all images that are no test."""
    parts = sets.whole(sets.open_labelled(str(folder), size=size))
    return Loaders(parts, batch_size=BATCH, seed=0, device=torch.device("cpu"), augment=augment, workers=1)


def plain(folder: Path, augment: str) -> DataLoader:
    """Give torchvision's, as its own examples have them."""
    from torchvision import datasets, transforms

    seen = transforms.RandomCrop(64, padding=4) if augment == "crop" else transforms.RandomResizedCrop(224)
    steps = [seen, transforms.RandomHorizontalFlip(), transforms.ToTensor(), transforms.Normalize(*NORM)]
    dataset = datasets.ImageFolder(str(folder / "train"), transforms.Compose(steps))
    return DataLoader(dataset, batch_size=BATCH, shuffle=True)


def of_images(folder: Path, size: tuple[int, int] | None, augment: str, epochs: int) -> Seconds:
    """Go through the images and do nothing with them."""
    made, theirs = ours(folder, size, augment), plain(folder, augment)
    return in_turn({"plain": lambda _: gone_through(theirs), "ours": lambda at: gone_through(made.train(at))}, epochs)


def gone_through(batches: Iterable[tuple[Tensor, Tensor]]) -> None:
    """Take every batch."""
    for images, _ in batches:
        assert images.dtype == torch.float32


def of_training(folder: Path, epochs: int) -> Seconds:
    """Train a ResNet-20 of its own in either way."""
    made, theirs = ours(folder, None, "crop"), plain(folder, "crop")
    networks = [build({"name": "resnet20", "in_channels": 3, "classes": CLASSES}) for _ in range(2)]
    return in_turn(
        {"plain": lambda _: plain_epoch(networks[0], theirs), "ours": lambda at: our_epoch(networks[1], made, at)},
        epochs,
    )


def plain_epoch(model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
    """Train as torchvision's examples do."""
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9, weight_decay=1e-4)
    model.train()
    for images, target in batches:
        loss = F.cross_entropy(model(images), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def our_epoch(model: nn.Module, data: Loaders, at: int) -> None:
    """Train as a run does."""
    fit(
        model,
        Static({}),
        lambda _, rank, world: data.train(at, rank, world),
        settings=Training(
            precision="fp32", optimizer="sgd", schedule="constant", learning_rate=RATE, batch_size=BATCH, epochs=1
        ),
        epochs=1,
        seed=0,
        loss=lambda output, target: F.cross_entropy(output, target),
        evaluate=lambda network: {},
        accelerator=accelerator.start("cpu"),
        store=Nowhere(),
    )


class Nowhere:
    """Keeps no state."""

    def save_state(self, *_: Any) -> None: ...

    def save_rewind(self, *_: Any) -> None: ...

    def write_metrics(self, *_: Any) -> None: ...


def in_turn(arms: dict[str, Callable[[int], None]], epochs: int) -> Seconds:
    """Give the CPU seconds of each epoch of each arm."""
    seconds: Seconds = {name: [] for name in arms}
    for at in range(epochs):
        for name, arm in arms.items():
            began = time.process_time()
            arm(at)
            seconds[name].append(time.process_time() - began)
    return seconds


if __name__ == "__main__":
    main()
