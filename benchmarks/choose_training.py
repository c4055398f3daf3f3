"""Choose how networks are trained, on the training part alone: the held-out frames are never read.

Each setting trains the U-Net on 70 % of the training part and is scored on the other 30 % (the part `select`), last
epoch. What is best here is taken for all networks, pruned or not, and not looked at again.

    python benchmarks/choose_training.py --data-root FOLDER
    python benchmarks/choose_training.py --data-root FOLDER --prune 0.9 --settings "batch 1" "batch 1, sums of 4"
"""

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from torch import Tensor, nn
from torch.optim import Optimizer

from cellprune.config.load import load
from cellprune.config.schema import Settings
from cellprune.experiment import choose
from cellprune.experiment.opening import open_data, set_up
from cellprune.experiment.settling import settled
from cellprune.training.accelerator import start
from cellprune.training.fit import fit
from cellprune.training.sparse.static import Static

SETTINGS = {
    "base": [],
    "learning rate 1e-3": ["training.learning_rate=0.001"],
    "learning rate 5e-3": ["training.learning_rate=0.005"],
    "batch 1": ["training.batch_size=1"],
    "batch 1, robust": ["training.batch_size=1", "data.normalization=robust"],
    "batch 1, 1e-3": ["training.batch_size=1", "training.learning_rate=0.001"],
    "batch 1, 5e-3": ["training.batch_size=1", "training.learning_rate=0.005"],
    "batch 1, group norm": ["training.batch_size=1", "model.norm=group"],
    "batch 1, instance norm": ["training.batch_size=1", "model.norm=instance"],
    "batch 1, sums of 4": ["training.batch_size=1"],
    "batch 4": ["training.batch_size=4"],
    "weight decay 1e-2": ["training.weight_decay=0.01"],
    "cross-entropy": ["training.loss=cross-entropy"],
    "sgd 0.05": ["training.optimizer=sgd", "training.learning_rate=0.05"],
    "flips and turns": ["training.augment=turns"],
    "flips and turns, batch 1": ["training.augment=turns", "training.batch_size=1"],
    "flips and turns, 1e-3": ["training.augment=turns", "training.learning_rate=0.001"],
    "no augmentation": ["training.augment=none"],
}
SHARED = [  # unless a setting says otherwise
    "data.truth=paper",
    "data.normalization=standard",
    "data.target=classes",
    "training.batch_size=2",
    "training.evaluate_every=50",
    "decoder.tune=false",
]

SUMMED = {"batch 1, sums of 4": 4}  # batches whose gradients make one step; each has batch statistics of its own


class Accumulating(Static):
    """Holds its masks, and steps once for so many batches, by the mean of their gradients."""

    def __init__(self, masks: Mapping[str, Tensor], n_batches: int) -> None:
        super().__init__(masks)
        self._n_batches, self._sums = n_batches, {}

    def before_step(self, step: int, model: nn.Module, optimizer: Optimizer) -> bool:
        super().before_step(step, model, optimizer)
        if step % self._n_batches == 0:
            self._sums = {p: p.grad.clone() for p in model.parameters() if p.grad is not None}
        else:
            for parameter, total in self._sums.items():
                total += parameter.grad
        if (step + 1) % self._n_batches:
            return False
        for parameter, total in self._sums.items():
            parameter.grad = total / self._n_batches
        return True


class Forgetful:
    """A store that keeps nothing: these trainings are short."""

    def save_state(self, tensors: object, meta: object) -> None: ...

    def write_metrics(self, rows: object) -> None: ...


def settings_of(name: str, assignments: Sequence[str]) -> Settings:
    """Give the settings of one training: what all share, then `assignments`, then its own, which win."""
    return load(assignments=[*SHARED, *assignments, *SETTINGS[name]])


def score(settings: Settings, data_root: Path, n_batches: int = 1) -> dict[str, float | None]:
    """Train on a part of the training part, one step for so many batches; give the scores of the rest of it."""
    accelerator = start("cpu")
    settings = settled(settings, accelerator.device)
    apart = settings.data.model_copy(update={"select": 0.3})
    opened = open_data(settings.model_copy(update={"data": apart}), data_root)
    # scored on what was set apart of the training part: the held-out frames are never read
    parts = replace(opened.split, report=opened.split.select, select=())
    setup = set_up(replace(opened, settings=settings, split=parts), accelerator)
    masks = choose.masks(setup, choose.segments(setup)) if settings.pruning.method != "dense" else {}
    scores: dict[str, float | None] = {}
    fit(
        setup.network, Accumulating(masks, n_batches), setup.loaders.train, settings=settings.training,
        epochs=settings.training.epochs, seed=settings.seed, loss=setup.loss, accelerator=accelerator,
        store=Forgetful(),
        evaluate=lambda network: scores.update(opened.task.watch(network, setup.loaders, "report")) or scores,
    )  # fmt: skip
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--prune", type=float, default=0.0, help="share that ProsPr removes; 0: unpruned")
    parser.add_argument("--datasets", nargs="+", default=["PhC-C2DH-U373", "DIC-C2DH-HeLa"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    parser.add_argument("--precision", choices=["bf16", "fp32"], default="bf16", help="bf16 takes a CPU with AVX-512")
    arguments = parser.parse_args()
    for dataset in arguments.datasets:
        for name in arguments.settings:
            for seed in arguments.seeds:
                asked = [
                    f"model.width={arguments.width}",
                    f"data.dataset={dataset}",
                    f"seed={seed}",
                    f"training.precision={arguments.precision}",
                    f"pruning.ratio={arguments.prune}",
                ]
                start = time.perf_counter()
                settings = settings_of(name, asked)
                found = score(settings, arguments.data_root, SUMMED.get(name, 1))
                row = {"dataset": dataset, "setting": name, "prune": arguments.prune, "seed": seed,
                       "seconds": round(time.perf_counter() - start)}  # fmt: skip
                print(json.dumps(row | found), flush=True)


if __name__ == "__main__":
    main()
