"""Lottery tickets with rewinding: train, remove the smallest fifth, go back to an early step, and again.

Source: Frankle, Carbin, ICLR 2019 (arXiv:1803.03635); back to a step after the first: Frankle et al., ICML 2020
    (arXiv:1912.05671).
Note: round n keeps 0.8^n of all prunable weights, rounded once, so that no rounding adds up; the last round is cut to
    the asked count. The authors' open_lth removes one weight more than asked in each round.
"""

from fractions import Fraction
from itertools import count, takewhile

from torch import nn

from cellprune.pruning.ranking.budget import keep_count
from cellprune.training.magnitude_after import count_prunable, final_count, kept_from
from cellprune.training.sparse.static import Static
from cellprune.training.stages import Stage, TrainingRequest, after

_KEPT_IN_A_ROUND = Fraction(4, 5)


def stages(model: nn.Module, request: TrainingRequest, *, rewind_step: int = 0) -> list[Stage]:
    """Train dense, then once for every rung of the ladder.

    Args:
        model: the network that will be trained.
        request: what is asked for.
        rewind_step: optimizer step that weights and schedule go back to; 0 is the initialization.
    Raises:
        CellpruneError: the training has no such step.
    """
    start = after(rewind_step, request)
    rungs = ladder(count_prunable(model, request), final_count(model, request))
    return [Stage("init", {}, Static, request.epochs, "dense"), *(kept_from(start, keep, request) for keep in rungs)]


def ladder(n_prunable: int, keep: int) -> list[int]:
    """Give the count that each round keeps: four fifths of the one before, the last one cut to `keep`.

    Example:
        >>> ladder(1000, 500)
        [800, 640, 512, 500]
    """
    rungs = (keep_count(n_prunable, _KEPT_IN_A_ROUND**rung) for rung in count(1))
    return [*takewhile(lambda kept: kept > keep, rungs), keep]
