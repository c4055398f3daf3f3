"""In what the trainings of a published table are less than the published ones: epochs, images, seeds, precision."""

from collections.abc import Iterator, Mapping

from cellprune.config.reproduce import USUAL_SEEDS
from cellprune.runs.split import FrameSplit, ImageSplit, Split
from cellprune.tables.plan import Arm, Plan, Reproduced
from cellprune.tables.workspace import SharedRuns

# images to learn from, or to watch the training by, and images that are tested on; annotated frames of recordings
_WHOLE = {
    "cifar10": (50_000, 10_000), "cifar100": (50_000, 10_000), "tiny-imagenet": (100_000, 10_000),
    "imagenet": (1_281_167, 50_000), "PhC-C2DH-U373": 34, "DIC-C2DH-HeLa": 18,
}  # fmt: skip


def reductions(plan: Plan, of_paper: Reproduced, runs: SharedRuns) -> Mapping[tuple[str, ...], tuple[str, ...]]:
    """Give of each group of arms in what its trainings are reduced; nothing of one that is trained as published."""
    return {
        arm.group: (*of_paper.changed.get(arm.group, ()), *_of_runs(plan, arm, runs))
        for arm in plan.arms
        if arm.is_dense
    }


def _of_runs(plan: Plan, arm: Arm, runs: SharedRuns) -> Iterator[str]:
    yield from _less(arm.settings.data.dataset, runs.split_of(arm))
    if (n_seeds := len(plan.axes.seeds)) < USUAL_SEEDS:
        yield f"{n_seeds} of {USUAL_SEEDS} seeds"
    if runs.settled(arm).training.precision == "bf16":
        yield "trained in bf16"


def _less(dataset: str, split: Split) -> Iterator[str]:
    """Say of which images there are fewer than the data set has."""
    match _WHOLE.get(dataset), split:
        case (int(n_train), int(n_test)), ImageSplit(parts=parts):
            there = parts["train"].images + parts["select"].images, parts["report"].images
            for own, whole, what in zip(there, (n_train, n_test), ("training images", "test images"), strict=True):
                if own < whole:
                    yield f"{own:,} of {whole:,} {what}"
        case int(n_frames), FrameSplit(parts=frames, dropped=dropped):
            own = len(dropped) + sum(map(len, frames.values()))
            if own < n_frames:
                yield f"{own} of {n_frames} annotated frames"
