"""Scores that several runs need: one scoring gives the masks of every amount, bit for bit those of a run alone.

What a method gives for every parameter is kept, before it is ranked under a budget. Methods that score in rounds rank
in between, so their scores are of one amount, and are not kept.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import torch
from filelock import FileLock
from torch import Tensor

from cellprune.experiment.opening import Setup
from cellprune.pruning.kinds import Once, Segments
from cellprune.runs import container, log
from cellprune.runs.documents import plain
from cellprune.runs.split import UNANNOTATED

_KIND, _VERSION = "scores", 1
_OF_RANKING = (  # settings of pruning that decide what is done with scores
    "ratio", "budget", "scope", "floor", "effective", "cost", "pricing", "round_to", "shrink", "control", "engine",
    "pattern",
)  # fmt: skip


def kept_in(folder: Path, setup: Setup, within: Segments) -> Once:
    """Give what computes sensitivities once, and reads them from then on.

    Args:
        folder: of scores; a process that finds another one computing the same waits for it.
        setup: the network as its seed draws it, and its data.
        within: what memory allows of the scoring, as it may move the last bits.
    """
    path = folder / f"{_digest(setup, within)}.safetensors"

    def once(compute: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            try:
                kept, _ = container.read(path, kind=_KIND, version=_VERSION)
            except container.UnreadableFileError:  # none yet, or one that was damaged
                scores = compute()
                arrays = {name: score.cpu().numpy() for name, score in scores.items()}
                container.write(path, arrays, kind=_KIND, version=_VERSION, note={})
                return scores
        log.LOGGER.info("the scores are those of %s", path.name)
        return {name: torch.from_numpy(array).to(setup.device) for name, array in kept.items()}

    return once


def _digest(setup: Setup, within: Segments) -> str:
    """Hash all that decides the scores (hex, sha256)."""
    settings = setup.settings.identity()
    settings["pruning"] = {key: value for key, value in settings["pruning"].items() if key not in _OF_RANKING}
    # a teacher has no say in scores: they are of the truth, on annotated frames alone
    settings["training"] = {key: value for key, value in settings["training"].items() if not key.startswith("teacher")}
    data = plain(setup.opened.split.written())
    data["parts"].pop(UNANNOTATED, None)
    made_by = {"torch": torch.__version__, "device": setup.device.type, "segments": dict(within)}
    content = {"settings": settings, "data": data, **made_by}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
