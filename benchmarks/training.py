"""Training steps against a plain PyTorch loop: ratios of one thread's CPU time, and bfloat16's scores against fp32's.

Four trainings of one U-Net on the simulated cells take their steps in turn, in one process: a plain loop as a good
engineer writes it, ours, ours with nine tenths of the weights masked, and ours in bfloat16. So a busy machine slows
all of them alike. A step is everything between two batches: taking images from memory, augmenting them, forward,
backward, optimizer, schedule, curves; saving and evaluation are not in it. Augmentation is the same function for all.
Where bfloat16 is many times slower it is left out.

    python benchmarks/training.py                    about two minutes
    python benchmarks/training.py --width 32         as wide as a run on one core may be
    python benchmarks/training.py --scores           also three seeds in fp32 and bfloat16, some minutes more
"""

import argparse
import json
import os

os.environ.update({"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})

import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from itertools import cycle
from statistics import mean, median, quantiles
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cellprune.config.data import Data
from cellprune.config.schema import Settings
from cellprune.config.training import Training
from cellprune.data.cells.augment import augment
from cellprune.data.cells.loaders import Loaders
from cellprune.data.open import open_dataset
from cellprune.models import build
from cellprune.pruning.prune import prune
from cellprune.tasks.segmentation import TASK, watch
from cellprune.training import accelerator, losses
from cellprune.training import precision as formats
from cellprune.training.fit import fit
from cellprune.training.sparse.static import Static

BATCH, RATE, DECAY = 2, 2e-3, 1e-4
WARM_UP = 2  # steps that do not count
PAIRS = {
    "ours / plain": ("ours", "plain"),
    "masked / ours": ("masked", "ours"),
    "bf16 / plain": ("bf16", "plain"),
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=16, help="of the U-Net (default 16), of depth 4")
    parser.add_argument("--size", type=int, default=256, help="px of an image's side (default 256)")
    parser.add_argument("--epochs", type=int, default=2, help="of seven steps each (default 2)")
    parser.add_argument("--repeats", type=int, default=4, help="of the whole, each in another order (default 4)")
    parser.add_argument("--scores", action="store_true", help="compare the IoU of fp32 and bf16, too")
    parser.add_argument("--json", metavar="FILE", help="write the numbers as JSON, too")
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    seconds = step_seconds(arguments.width, arguments.size, arguments.epochs, arguments.repeats)
    print(f"{'ms a step':16}{'fast':>9}{'median':>9}   of {len(seconds['ours'])} steps; fast is the lower quartile")
    for name, values in seconds.items():
        print(f"{name:16}{1000 * fast(values):9.1f}{1000 * median(values):9.1f}")
    found: dict[str, Any] = {"width": arguments.width, "size": arguments.size, "torch": torch.__version__, "ratios": {}}
    for name, (above, below) in PAIRS.items():
        if above not in seconds:
            continue
        # of the faster steps: a neighbour on the same core only ever adds, to some steps far more than to others
        found["ratios"][name] = fast(seconds[above]) / fast(seconds[below])
        low, middle, high = quantiles([a / b for a, b in zip(seconds[above], seconds[below], strict=True)], n=4)
        print(
            f"{name:16}{found['ratios'][name]:9.3f}   (step by step: median {middle:.3f}, {low:.3f} to {high:.3f})",
            flush=True,
        )
    if arguments.scores:
        found["iou"] = scores()
        for precision, values in found["iou"].items():
            print(f"IoU in {precision}: {mean(values):.4f}, seeds {', '.join(f'{value:.4f}' for value in values)}")
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(found, file, indent=1)


def fast(seconds: list[float]) -> float:
    """Give the lower quartile."""
    return quantiles(seconds, n=4)[0]


def step_seconds(width: int, size: int, epochs: int, repeats: int) -> dict[str, list[float]]:
    """Train them in turn; give each one's CPU seconds, step by step.

    Where a training's arrays happen to lie in memory is worth some per cent, so the whole is done several times anew.
    """
    data = loaders(size, seed=0)
    arms: dict[str, Callable[[Callable[[Iterable], Iterable]], None]] = {
        "plain": lambda timed: plain_loop(network(width), timed(plain_batches(data, epochs)), steps(data, epochs)),
        "ours": lambda timed: ours(network(width), data, epochs, timed),
        "masked": lambda timed: ours(network(width), data, epochs, timed, ratio=0.9),
    }
    if not formats.bf16_is_slow(torch.device("cpu")):
        arms["bf16"] = lambda timed: ours(network(width), data, epochs, timed, precision="bf16")
    found: dict[str, list[float]] = {name: [] for name in arms}
    for repeat in range(repeats):
        names = list(arms)[repeat % len(arms) :] + list(arms)[: repeat % len(arms)]
        turns, seconds = Turns(len(arms)), {name: [] for name in arms}
        threads = [
            threading.Thread(target=turns.run, args=(place, arms[name], seconds[name]))
            for place, name in enumerate(names)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for name, values in seconds.items():
            found[name] += values[WARM_UP:]
    return found


def plain_loop(model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]], n_steps: int) -> None:
    """The loop to be compared with: channels-last, nothing computed or copied that need not be.

    AdamW is torch's default: its fused kernel (half a per cent less) needs weights and moments in one memory layout,
    which a loaded state does not have.
    """
    model = model.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=RATE, total_steps=n_steps)
    total = 0.0
    for images, target in batches:
        output = model(images.to(memory_format=torch.channels_last))
        loss = F.cross_entropy(output, target, ignore_index=255) + dice(output, target)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        total += loss.item()


def dice(output: Tensor, target: Tensor) -> Tensor:
    """One minus the Dice overlap, written down."""
    known = (target != 255).unsqueeze(1)
    truth = F.one_hot(target.clamp(max=1), 2).movedim(-1, 1) * known
    share = output.softmax(1) * known
    both = (share * truth).sum((2, 3))
    return (1 - (2 * both + 1e-5) / ((share + truth).sum((2, 3)) + 1e-5)).mean()


def plain_batches(data: Loaders, epochs: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Shuffled, augmented batches out of arrays in memory."""
    pairs = [
        (image.numpy(), target.numpy().astype(np.uint8))
        for batch in data.plain()
        for image, target in zip(*batch, strict=True)
    ]
    draw = np.random.default_rng(0)
    for _ in range(epochs):
        order = draw.permutation(len(pairs))
        for start in range(0, len(order), BATCH):
            chosen = [augment(*pairs[i], seed=int(draw.integers(2**31))) for i in order[start : start + BATCH]]
            images, targets = zip(*chosen, strict=True)
            yield torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(targets)).long()


def ours(
    model: nn.Module,
    data: Loaders,
    epochs: int,
    timed: Callable[[Iterable], Iterable] = lambda batches: batches,
    *,
    ratio: float = 0.0,
    precision: str = "fp32",
    seed: int = 0,
) -> None:
    """Cellprune's loop, as a run calls it."""
    masks = prune(model, method="magnitude", sparsity=ratio) if ratio else {}
    fit(
        model,
        Static(masks),
        lambda *where: Epoch(data.train(*where), timed),
        settings=Training(precision=precision, learning_rate=RATE, weight_decay=DECAY, batch_size=BATCH),
        epochs=epochs,
        seed=seed,
        loss=losses.of("cross-entropy+dice"),
        evaluate=lambda network: {},
        accelerator=accelerator.start("cpu"),
        store=Nowhere(),
    )


def scores(epochs: int = 40, size: int = 128, width: int = 16) -> dict[str, list[float]]:
    """Train three seeds in both precisions; give the held-out frames' mean IoU of each."""
    found: dict[str, list[float]] = {"fp32": [], "bf16": []}
    for seed in range(3):
        for precision, values in found.items():
            data, model = loaders(size, seed), network(width, seed)
            ours(model, data, epochs, precision=precision, seed=seed)
            values.append(watch(model, data, "report")["iou_image_mean"])
    return found


def loaders(size: int, seed: int) -> Loaders:
    """The simulated cells, 13 frames to learn from."""
    data = Data(size=(size, size), normalization="standard", target="classes")
    settings = Settings(data=data, training=Training(batch_size=BATCH), seed=seed)
    dataset = open_dataset("simulated")
    return TASK.loaders(dataset, TASK.split(dataset, data), settings, 0, torch.device("cpu"))


def network(width: int, seed: int = 0) -> nn.Module:
    """The U-Net, drawn from the seed."""
    torch.manual_seed(seed)
    return build({"name": "unet", "width": width})


def steps(data: Loaders, epochs: int) -> int:
    """Count the steps."""
    return epochs * len(data.train(0))


class Epoch:
    """An epoch's batches, watched by a clock."""

    def __init__(self, batches: Any, timed: Callable[[Iterable], Iterable]) -> None:
        self.batches, self.timed = batches, timed

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return iter(self.timed(self.batches))


class Nowhere:
    """Keeps no state."""

    def save_state(self, *_: Any) -> None: ...

    def write_metrics(self, *_: Any) -> None: ...


class Turns:
    """Lets threads work one step each, in turn; a thread's own CPU time is measured."""

    def __init__(self, n: int) -> None:
        self.gates = [threading.Semaphore(0) for _ in range(n)]
        # there and back, so that none is always served after the same other one
        self.order = cycle([*range(n), *reversed(range(n))])
        self.pass_on()

    def pass_on(self) -> None:
        """Give the turn to the next."""
        self.gates[next(self.order)].release()

    def run(self, place: int, arm: Callable[[Callable[[Iterable], Iterable]], None], seconds: list[float]) -> None:
        """Run an arm; its batches come through `timed`, a step is over when it asks for the next one."""

        def timed(batches: Iterable) -> Iterator:
            iterator = iter(batches)
            while True:
                self.gates[place].acquire()
                began = time.thread_time()
                batch = next(iterator, None)
                if batch is None:
                    self.gates[place].release()  # still this one's turn: what comes next begins with it
                    return
                yield batch
                seconds.append(time.thread_time() - began)
                self.pass_on()

        try:
            self.gates[place].acquire()
            self.gates[place].release()  # preparations in turn, too
            arm(timed)
        except BaseException:
            traceback.print_exc()
            os._exit(1)  # the others would wait for ever
        self.pass_on()


if __name__ == "__main__":
    main()
