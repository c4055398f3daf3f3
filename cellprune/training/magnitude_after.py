"""Magnitude after training: train dense, keep the largest weights, train again under their mask.

Source: Han et al., NeurIPS 2015 (arXiv:1506.02626), in one shot; going back to an early step instead of on from the
    trained weights: Frankle et al., ICLR 2021 (arXiv:2009.08576).
Note: papers mean either by the name, so which of the two is an option: "fine-tune" goes on from the trained weights,
    "rewind" puts the kept ones, and the schedule of the learning rate, back to an early step.
"""

from collections.abc import Mapping
from functools import partial
from typing import Literal

from torch import Tensor, nn

from cellprune.config.shares import left_by
from cellprune.errors import CellpruneError
from cellprune.pruning.masks import Masks
from cellprune.pruning.prunable import prunable
from cellprune.pruning.ranking.budget import keep_count, select
from cellprune.training.sparse.static import Static
from cellprune.training.stages import Stage, TrainingRequest, after


def stages(
    model: nn.Module,
    request: TrainingRequest,
    *,
    retrain: Literal["fine-tune", "rewind"] = "fine-tune",
    rewind_step: int = 0,
) -> list[Stage]:
    """Train dense, then once more under the mask, for as many epochs.

    Args:
        model: the network that will be trained.
        request: what is asked for.
        retrain: where the second training starts: from the trained weights, or from those of an early step.
        rewind_step: that step, for "rewind"; 0 is the initialization.
    Raises:
        CellpruneError: a step for a training that does not rewind, or one that the training does not have.
    """
    if retrain == "fine-tune" and rewind_step:
        raise CellpruneError(
            f"pruning.rewind_step {rewind_step} says where to go back to, but pruning.retrain is fine-tune: set it to "
            f"rewind, or drop the step"
        )
    start = "previous" if retrain == "fine-tune" else after(rewind_step, request)
    return [
        Stage("init", {}, Static, request.epochs, "dense"),
        kept_from(start, final_count(model, request), request),
    ]


def kept_from(start: str, keep: int, request: TrainingRequest) -> Stage:
    """Make the stage that keeps the `keep` largest of the weights left and trains them from `start`."""
    where = {"previous": "as they were trained", "init": "put back to initialization"}.get(
        start, f"put back to {start}"
    )
    return Stage(start, partial(largest, keep, request), Static, request.epochs, f"{keep:,} weights kept, {where}")


def largest(keep: int, request: TrainingRequest, model: nn.Module, masks: Mapping[str, Tensor]) -> Masks:
    """Keep the largest of the weights that `masks` left (all where there are none), ties in the stated order."""
    sizes = {name: weight.detach().abs() for name, weight in prunable(model, request.exclude).items()}
    return select(sizes, keep, request.scope, among=masks or None)


def final_count(model: nn.Module, request: TrainingRequest) -> int:
    """Count the weights that are kept in the end."""
    return keep_count(count_prunable(model, request), left_by(request.sparsity))


def count_prunable(model: nn.Module, request: TrainingRequest) -> int:
    """Count the weights that may be removed."""
    return sum(weight.numel() for weight in prunable(model, request.exclude).values())
