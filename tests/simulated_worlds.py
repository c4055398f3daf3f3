"""Networks that are never trained: response curves with the spreads measured on the two recordings."""

from collections.abc import Callable, Mapping
from zlib import crc32

import numpy as np

from cellprune.search.judge.grid import grid
from cellprune.search.judge.trial import REFERENCE, Outcome, OutcomesOf, Trial

FRAME, SEED, REST = 0.008, 0.007, 0.008  # of the differences between a pruned and the unpruned network
Loss = Callable[[float], float]  # true loss of IoU at a ratio
GRID = grid(0.5, 0.999)


def world(
    loss: Loss, *, seed: int, n_select: int, n_report: int, same_frames: bool = False
) -> Callable[[Trial], dict[str, float]]:
    """Give the scores of any trial. Both arms share the spread of seeds and of the rest; one reference meets all.

    Args:
        same_frames: chosen on and claimed about are the same ones, as far as there are as many: what a frame adds to a
            ratio's difference stays with it, as with folds, of which one chooses on what another holds out.
    """

    def draw(*what: object) -> np.random.Generator:
        return np.random.default_rng([seed, crc32(repr(what).encode())])

    def scores(trial: Trial) -> dict[str, float]:
        n_frames = n_select if trial.phase == "search" else n_report
        own = draw(trial)
        values = 0.9 + SEED * np.sqrt(0.5) * own.standard_normal() + REST * np.sqrt(0.5) * own.standard_normal(n_frames)
        if trial.ratio != REFERENCE:
            of_frames = draw(*([] if same_frames else [trial.phase]), trial.ratio)
            values += FRAME * of_frames.standard_normal(n_frames) - loss(trial.ratio)
        return {f"01/{number:03d}": float(value) for number, value in enumerate(values)}

    return scores


def one_by_one(score: Callable[[Trial], Mapping[str, float]]) -> OutcomesOf:
    """Make a `OutcomesOf` of a plain function from a trial to its scores."""
    return lambda trials: [Outcome("done", score(trial)) for trial in trials]


def step(ratio: float) -> int:
    return GRID.index(ratio)
