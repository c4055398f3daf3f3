"""A tiny run that kills itself at a moment of its work, for processes that import it by this name."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cellprune.runs.folder import Folder

TINY = [
    "data.size=[32, 32]", "model.width=4", "model.depth=1", "pruning.ratio=0.8", "pruning.batch_size=4",
    "training.epochs=4", "training.evaluate_every=2",
]  # fmt: skip


def _die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _after(count: int, function: Callable[..., Any]) -> Callable[..., Any]:
    """Let `function` work `count` times, then die in its place."""
    calls = iter(range(count))
    return lambda *args, **kwargs: function(*args, **kwargs) if next(calls, None) is not None else _die()


def _die_one_step_after(save_state: Callable[..., Any]) -> None:
    """Let this process complete one epoch, and one step of the next."""
    from cellprune.training import fit

    def save_and_arm(folder: Folder, *state: Any) -> None:
        save_state(folder, *state)
        fit._tell = _after(1, fit._tell)

    Folder.save_state = save_and_arm  # type: ignore[method-assign]


def _arm(moment: str) -> None:
    """Make this process kill itself at a moment of the run."""
    from cellprune.evaluation import cells, iou
    from cellprune.experiment import story
    from cellprune.pruning.derivatives.objective import Objective
    from cellprune.training import fit

    if moment == "scoring":
        Objective.gradient = _after(2, Objective.gradient)  # type: ignore[method-assign]
    elif moment == "masks are being written":
        Folder.write_masks = _die  # type: ignore[method-assign]
    elif moment == "first epoch":
        fit._tell = _after(3, fit._tell)
    elif moment == "every epoch":
        _die_one_step_after(Folder.save_state)
    elif moment == "third epoch":
        fit._tell = _after(22, fit._tell)
    elif moment == "tuning":
        cells.count = _after(9, cells.count)
    elif moment == "what was tuned is written":
        Folder.write_scores = _die  # type: ignore[method-assign]
    elif moment == "evaluation":
        iou.counts = _after(2, iou.counts)
    elif moment == "state is being written":
        os.replace = _after(12, os.replace)
    elif moment == "state is there, curves are not":
        Folder.write_metrics = _after(2, Folder.write_metrics)  # type: ignore[method-assign]
    elif moment == "model is written":
        Folder.write_cost = _die  # type: ignore[method-assign]
    elif moment == "report":
        story.page.write = _die
    elif moment != "never":
        raise AssertionError(moment)


def run(output: Path, data_root: Path, moment: str, resume: bool, more: list[str]) -> None:
    """Start a tiny run, or go on with it, and kill it at the moment; "never" lets it end."""
    import torch

    from cellprune import experiment
    from cellprune.config.load import load
    from cellprune.config.schema import Runtime
    from cellprune.experiment import story

    torch.set_num_threads(1)
    story._TUNED_SHARE = 1.6  # two frames, which show enough cells
    _arm(moment)
    experiment.run(load(assignments=[*TINY, *more]), runtime=Runtime(output=output, data_root=data_root, resume=resume))
