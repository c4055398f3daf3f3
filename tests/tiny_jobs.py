"""Jobs that take a second: the smallest networks on the smallest images."""

from pathlib import Path

from cellprune.campaign.job import Job
from cellprune.config.load import load

TINY = [
    "data.size=[32, 32]", "model.width=4", "model.depth=1", "pruning.batch_size=4", "training.epochs=2",
    "training.evaluate_every=1", "pruning.method=snip", "pruning.ratio=0.5",
]  # fmt: skip


def job(seed: int, runs: Path, data_root: Path, *more: str) -> Job:
    settings = load(assignments=[*TINY, f"seed={seed}", *more])
    name = f"seed {seed}"
    return Job(name, name, settings, runs=runs, data_root=data_root, device="cpu", command=("cellprune", "train"))
