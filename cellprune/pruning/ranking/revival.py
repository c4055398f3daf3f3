"""Which weights a round may keep: those that are left, or removed ones, too (revival).

Note: a channel without any weight that feeds a batch norm gets gradients enlarged by about 1 / sqrt(eps), some 300
    times, wherever its ReLU is open; a rule that revives by gradient then prefers dead channels. `count` tells how many
    came back so, and `revive_dead=False` keeps dead channels dead.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from cellprune.pruning.prunable import multiplying
from cellprune.structure.layers import is_transposed
from cellprune.structure.matrices import outputs_axis


def survivors(model: nn.Module, masks: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Let nothing return: masks of later rounds are part of earlier ones."""
    return masks


def anything(model: nn.Module, masks: Mapping[str, Tensor], *, revive_dead: bool = True) -> Mapping[str, Tensor]:
    """Let removed weights return; with `revive_dead=False` only into channels that still have a weight."""
    if revive_dead:
        return {name: torch.ones_like(mask) for name, mask in masks.items()}
    dead = in_dead_channels(model, masks)
    return {name: mask | ~dead[name] for name, mask in masks.items()}


def count(model: nn.Module, before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> tuple[int, int]:
    """Count the weights that came back, and how many of these in channels that were dead."""
    dead = in_dead_channels(model, before)
    back = {name: mask & ~before[name] for name, mask in after.items()}
    return sum(int(b.sum()) for b in back.values()), sum(int((b & dead[name]).sum()) for name, b in back.items())


def in_dead_channels(model: nn.Module, masks: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Mark the weights whose output channel has no weight left.

    Returns:
        Parameter name -> bool tensor of the mask's shape.
    """
    layers: dict[str, Any] = multiplying(model)
    dead = {}
    for name, mask in masks.items():
        layer = layers[name]
        inputs_first = is_transposed(layer) or outputs_axis(layer) == 1
        groups, outputs = (getattr(layer, "groups", 1), mask.shape[1]) if inputs_first else (1, len(mask))
        taps = mask[0, 0].numel() if inputs_first else mask[0].numel()
        by_output = mask.reshape(groups, -1, outputs, taps)  # the second axis: inputs, where they come first
        is_dead = ~by_output.any(3, keepdim=True).any(1, keepdim=True)
        dead[name] = is_dead.expand_as(by_output).reshape(mask.shape)
    return dead
