"""What a search is about: which frames are chosen on, which are claimed about, and whether they are enough."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cellprune import tasks
from cellprune.config.schema import Search, Settings
from cellprune.errors import CellpruneError
from cellprune.search.controls import CONTROLS
from cellprune.search.decide import FEWEST_FRAMES
from cellprune.search.trial import REFERENCE, Trial

SELECT_SHARE = 0.3  # of the training part, set apart to choose on


@dataclass(frozen=True)
class Frames:
    """The parts of every fold.

    Attributes:
        report: "sequence/frame" of every frame that is claimed about; each once.
        n_select: frames that are chosen on, over all folds.
        sequences: the recordings they are from.
        dropped: frame and why its truth policy leaves it out.
        sha256: of all splits; another data set, or a changed file, has another.
    """

    report: tuple[str, ...]
    n_select: int
    sequences: tuple[str, ...]
    dropped: tuple[tuple[str, str], ...]
    sha256: str


def look(settings: Settings, question: Search, data_root: Path | None) -> Frames:
    """Split the data as the trials will, and refuse what cannot be decided on.

    Raises:
        CellpruneError: too few held-out frames, or a split that cannot be.
    """
    task = tasks.of(settings)
    found = task.open(settings.data, data_root)
    folds = range(max(1, question.cv))
    splits = [
        task.split(found, settings_of(Trial("search", REFERENCE, 0, fold), settings, question).data).as_dict()
        for fold in folds
    ]
    frames = Frames(
        report=tuple(_name(entry) for split in splits for entry in split["parts"]["report"]),
        n_select=sum(len(split["parts"]["select"]) for split in splits),
        sequences=tuple(sorted({e["sequence"] for split in splits for part in split["parts"].values() for e in part})),
        dropped=tuple(sorted({(_name(drop), drop["reason"]) for split in splits for drop in split["dropped"]})),
        sha256=hashlib.sha256(json.dumps(splits, sort_keys=True).encode()).hexdigest(),
    )
    if len(frames.report) < FEWEST_FRAMES:
        raise CellpruneError(_too_few(frames, splits, question))
    return frames


def settings_of(trial: Trial, settings: Settings, question: Search) -> Settings:
    """Give the settings of one trial's run.

    Args:
        settings: of the search; its seed, ratio, fold and frames to choose on are the trial's.
    """
    data = settings.data.model_copy(
        update={
            "select": SELECT_SHARE if trial.phase == "search" else 0.0,
            "fold": (trial.fold, question.cv) if question.cv else None,
        }
    )
    changed = CONTROLS[trial.control][1] if trial.control else {}
    pruning = settings.pruning.model_copy(update={"ratio": trial.ratio, **changed})
    return settings.model_copy(update={"seed": trial.seed, "data": data, "pruning": pruning})


def _too_few(frames: Frames, splits: Sequence[dict[str, Any]], question: Search) -> str:
    """Say how many frames are there, which a policy dropped, and what would do."""
    n_gold = sum(len(part) for part in splits[0]["parts"].values()) + len(splits[0]["dropped"])
    dropped = "".join(f", {name} dropped: {reason}" for name, reason in frames.dropped)
    ways = "annotate more"
    if not question.cv and n_gold - len(frames.dropped) >= FEWEST_FRAMES:
        ways = f"take --cv {min(5, n_gold)}, which counts each of the {n_gold} annotated frames once, or hold out more"
    return (
        f"{len(frames.report)} held-out frame{' decides' if len(frames.report) == 1 else 's decide'} nothing{dropped}; "
        f"it takes at least {FEWEST_FRAMES}: {ways}"
    )


def _name(entry: dict[str, Any]) -> str:
    return f"{entry['sequence']}/{entry['frame']:03d}"
