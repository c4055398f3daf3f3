"""Sparse from the start to the end: now and then each layer drops its smallest weights and grows as many elsewhere.

The count of each layer stays as the initial mask has it. What differs between methods is where weights grow.

Source: Evci et al., ICML 2020 (arXiv:1911.11134), algorithm 1, for RigL and for SET as that paper runs it.
Note: the paper's code adds small noise to the sizes of weights; here ties go by the flat index, the later one first
    dropped and the earlier one first grown. The share dropped falls as a cosine, which the code has to be asked for.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from torch import Tensor, nn

from cellprune.pruning.masks import Masks
from cellprune.pruning.prune import prune
from cellprune.pruning.ranking.budget import select
from cellprune.pruning.ranking.revival import in_dead_channels
from cellprune.training.sparse.moving import Moving, masked_weights
from cellprune.training.sparse.updates import paced, spacing, steps_until
from cellprune.training.stages import Stage, TrainingRequest

Initial = Literal["erk", "uniform"]
Growth = Callable[[int, Mapping[str, nn.Parameter]], dict[str, Tensor]]
"""(optimizer steps done, weights by name) -> how much each entry is wanted; the largest grow first."""


@dataclass(frozen=True)
class Course:
    """When weights are exchanged, and how many.

    Attributes:
        every: steps between two updates.
        last: steps done at the last possible update.
        drop_fraction: share of a layer's weights that the first update would drop at step 0; it falls to 0 at `last`.
    """

    every: int
    last: int
    drop_fraction: float

    def share(self, done: int) -> float | None:
        """Give the share of each layer's weights to exchange after so many steps; None where no update is due."""
        if done % self.every or not 0 < done <= self.last:
            return None
        return self.drop_fraction / 2 * (1 + math.cos(math.pi * done / self.last))


def stages(
    model: nn.Module,
    request: TrainingRequest,
    growth: Growth,
    *,
    initial: Initial,
    update_until: float,
    update_every: int | None,
    drop_fraction: float,
    revive_dead: bool = True,
    takes_step: bool,
) -> list[Stage]:
    """Train once, from a random mask on; see `rigl.py` and `set.py` for the arguments."""
    last = steps_until(update_until, request.steps)
    course = Course(spacing(update_every, last), last, drop_fraction)

    def drawn(model: nn.Module, masks: Masks) -> Masks:
        method: dict[str, Any] = {"erk": {"method": "erk"}, "uniform": {"method": "random", "scope": "layer"}}[initial]
        return prune(model, **method, sparsity=request.sparsity, exclude=request.exclude, seed=request.seed)

    def policy(masks: Mapping[str, Tensor]) -> Moving:
        return Moving(masks, partial(exchanged, course, growth, revive_dead), takes_step=takes_step)

    does = f"weights move within each layer {paced(course.every)} until step {last} of {request.steps}"
    return [Stage("init", drawn, policy, request.epochs, does)]


def exchanged(
    course: Course, growth: Growth, revive_dead: bool, done: int, model: nn.Module, masks: Masks
) -> Masks | None:
    """Drop and grow in every layer, if an update is due."""
    if (share := course.share(done)) is None:
        return None
    weights = masked_weights(model, masks)
    wanted = growth(done, weights)
    closed = {} if revive_dead else in_dead_channels(model, masks)
    return {
        name: swapped(
            name, weight, masks[name], wanted[name], math.floor(share * int(masks[name].sum())), closed.get(name)
        )
        for name, weight in weights.items()
    }


def swapped(name: str, weight: Tensor, mask: Tensor, wanted: Tensor, n: int, closed: Tensor | None = None) -> Tensor:
    """Drop the `n` smallest weights of a layer, then grow the `n` most wanted of all places that are free by then.

    Args:
        name: of the layer, for messages.
        weight, mask, wanted: of one shape.
        n: weights to exchange, at most those that the mask keeps.
        closed: places where nothing may grow, none of which the mask keeps.
    Returns:
        The new mask; it may have back what was dropped, which then was never gone.
    """
    kept = select({name: weight.detach().abs()}, int(mask.sum()) - n, among={name: mask})[name]
    free = ~kept if closed is None else ~kept & ~closed
    return kept | select({name: wanted}, n, among={name: free})[name]
