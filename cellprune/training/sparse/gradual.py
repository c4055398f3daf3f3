"""Gradual magnitude pruning: the smallest weights go a few at a time while the network trains; the rest is fine-tuning.

Source: Zhu, Gupta 2017 (arXiv:1710.01878), equation 1: the removed share rises as a cubic, fast at first.
Note: there, a removed weight keeps its value beside the mask and may come back when others have shrunk below it; here
    it is zero, so masks only get smaller.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

import torch
from torch import Tensor, nn

from cellprune.config.request import Scope
from cellprune.errors import CellpruneError
from cellprune.pruning.masks import Masks
from cellprune.pruning.prunable import prunable
from cellprune.pruning.ranking.budget import keep_count, select
from cellprune.training.sparse.moving import Moving, masked_weights
from cellprune.training.sparse.updates import paced, spacing, steps_until
from cellprune.training.stages import Stage, TrainingRequest


@dataclass(frozen=True)
class Ramp:
    """The course of the share that is kept.

    Attributes:
        start: steps done when the ramp begins, at a share of 1.
        every: steps between two updates.
        updates: how many there are.
        final: share kept after the last.
    """

    start: int
    every: int
    updates: int
    final: Fraction

    def density(self, done: int) -> Fraction | None:
        """Give the share to keep after so many steps; None where no update is due."""
        update, beside = divmod(done - self.start, self.every)
        if beside or not 0 < update <= self.updates:
            return None
        return self.final + (1 - self.final) * (1 - Fraction(update, self.updates)) ** 3


def stages(
    model: nn.Module,
    request: TrainingRequest,
    *,
    update_from: float = 0.25,
    update_until: float = 0.75,
    update_every: int | None = None,
) -> list[Stage]:
    """Train once, with masks that shrink on a ramp.

    Args:
        model: the network that will be trained.
        request: what is asked for.
        update_from, update_until: shares of the training between which the ramp lies.
        update_every: steps between updates; None for some thirty of them, at most 100 steps apart.
    Raises:
        CellpruneError: no such ramp fits into the training.
    """
    ramp, does = ramped(request, update_from, update_until, update_every)
    whole = {
        name: torch.ones_like(weight, dtype=torch.bool) for name, weight in prunable(model, request.exclude).items()
    }
    return [
        Stage("init", whole, lambda masks: Moving(masks, partial(thinned, ramp, request.scope)), request.epochs, does)
    ]


def ramped(
    request: TrainingRequest, update_from: float, update_until: float, update_every: int | None
) -> tuple[Ramp, str]:
    """Lay the ramp into the training, and say where it lies; see `stages` for the arguments.

    Raises:
        CellpruneError: the ramp would end before it begins.
    """
    start, end = (steps_until(share, request.steps) for share in (update_from, update_until))
    if start >= end:
        raise CellpruneError(
            f"pruning.update_from {update_from} is not before pruning.update_until {update_until} in a training of "
            f"{request.steps} steps: set them apart, or train longer"
        )
    every = spacing(update_every, end - start)
    ramp = Ramp(start, every, (end - start) // every, request.left)
    does = (
        f"masks shrink {paced(every)} from step {start} to step {start + ramp.updates * every} of "
        f"{request.steps}; then fine-tuning"
    )
    return ramp, does


def thinned(ramp: Ramp, scope: Scope, done: int, model: nn.Module, masks: Mapping[str, Tensor]) -> Masks | None:
    """Keep the largest of the weights that are left, as many as the ramp says."""
    if (share := ramp.density(done)) is None:
        return None
    sizes = {name: weight.detach().abs() for name, weight in masked_weights(model, masks).items()}
    keep = keep_count(sum(size.numel() for size in sizes.values()), share)
    return select(sizes, keep, scope, among=masks)
