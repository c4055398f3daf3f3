"""Weights that a norm divides by their own size, slice by slice (weight norm), or as a whole: none may be all zeros.

Zero divided by zero is NaN, so each slice keeps its best weight, whatever the others score.
"""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from cellprune.errors import TooMuchError
from cellprune.structure.computed import computed_weights


def divided(model: nn.Module, weights: Iterable[str]) -> dict[str, int]:
    """Give those of the weights that are divided -> the axis of the slices, -1 where the whole weight is one."""
    originals = {f"{name}.{c.original}".lstrip("."): c.divided for name, c in computed_weights(model).items()}
    return {name: axis for name in weights if (axis := originals.get(name)) is not None}


def best_of_slices(
    scores: Mapping[str, Tensor], axes: Mapping[str, int], among: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Mark the largest score of each slice, of those that may be kept; ties to the earlier.

    Returns:
        Parameter name -> bool tensor of the score's shape, for the divided weights.
    """
    best = {}
    for name, axis in axes.items():
        rows = _slices(scores[name].masked_fill(~among[name], -torch.inf), axis)
        is_best = rows == rows.amax(1, keepdim=True)
        places = torch.arange(scores[name].numel(), device=rows.device).view(scores[name].shape)
        firsts = _slices(places, axis).gather(1, is_best.to(torch.uint8).argmax(1, keepdim=True))
        best[name] = torch.isin(places, firsts) & among[name]
    return best


def refuse_empty(masks: Mapping[str, Tensor], axes: Mapping[str, int]) -> None:
    """Refuse masks that leave a slice nothing.

    Raises:
        TooMuchError: the message names the weight.
    """
    for name, axis in axes.items():
        empty = ~_slices(masks[name], axis).any(1)
        if empty.any():
            raise TooMuchError(
                f"{int(empty.sum())} of {len(empty)} slices of {name!r} would keep no weight, but its norm divides by "
                f"their size: remove less, exclude the layer, or take the norm off before pruning"
            )


def _slices(values: Tensor, axis: int) -> Tensor:
    return values.flatten()[None] if axis < 0 else values.movedim(axis, 0).flatten(1)
