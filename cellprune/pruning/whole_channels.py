"""Chooses which channels stay, at least one of every layer, and makes the masks of all that they touch."""

import logging
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor, nn

from cellprune.errors import CellpruneError
from cellprune.pruning.budget import Scope, keep_count, select
from cellprune.pruning.costs import Prices, Pricing, within
from cellprune.pruning.method import Masks
from cellprune.structure.channels import Channels, find, verify
from cellprune.structure.cost import positions_per_weight
from cellprune.structure.layers import weighted_layers

log = logging.getLogger("cellprune")


def removable(model: nn.Module, inputs: Any, weights: Mapping[str, Tensor]) -> Channels:
    """Find the channels whose every row and column may go.

    Args:
        model: the network.
        inputs: one batch of what it takes.
        weights: the prunable ones; the channels of all others stay.
    Raises:
        CellpruneError: there are none.
    """
    channels = find(model, inputs, whole=[name for name in weighted_layers(model) if name not in weights])
    if not channels.count:
        raise CellpruneError(
            f"{type(model).__name__} has no channel that can go: each is tied to the network's input or output, or to "
            f"an operation whose effect on channels is not known; prune its weights"
        )
    return channels


def choose(channels: Channels, scores: Tensor, density: Fraction, scope: Scope) -> Tensor:
    """Keep exactly the asked share: the largest scores, and the best of each layer in any case.

    Args:
        channels: what there is.
        scores: (channels.count,), larger is kept; ties in the order of layers and then of the index.
        density: share that stays.
        scope: "global" ranks all together; "layer" gives each layer's channels (a channel that several layers make
            counts with the first) the same share.
    Returns:
        (channels.count,) bool.
    Raises:
        CellpruneError: the share is too small for one channel in each layer.
        WorkError: a score is NaN or infinite.
    """
    keep = keep_count(channels.count, density)
    best = best_of_layers(channels, scores)
    if keep < len(best):
        raise CellpruneError(
            f"{keep} of {channels.count} channels would stay, but each layer keeps one at least, {len(best)} together: "
            f"remove a share of at most {1 - len(best) / channels.count:.4g}"
        )
    first = _by_layer(channels, scores)
    select(first, keep)  # which refuses scores that cannot be ranked
    scores = scores.clone()
    scores[best] = scores.max() + 1
    parts = scores.split([len(part) for part in first.values()])
    kept = torch.cat([*select(dict(zip(first, parts, strict=True)), keep, scope).values()])
    for name, made in channels.layers().items():
        if not kept[made].any():
            raise CellpruneError(f"scope='layer' leaves no channel of {name!r}: remove less, or take scope='global'")
    return kept


def choose_within(
    model: nn.Module, inputs: Any, channels: Channels, scores: Tensor, unit: str, share: Fraction, pricing: Pricing
) -> Tensor:
    """Keep the largest scores per cost within a budget, and the best of each layer in any case.

    Args:
        model: the network.
        inputs: one batch of what it takes; multiply-adds are counted at its size.
        channels: what there is.
        scores: (channels.count,), 0 or more.
        unit: "params" or "macs".
        share: of the dense network's cost that may stay.
        pricing: "static" or "marginal", see `costs`.
    Returns:
        (channels.count,) bool.
    Raises:
        CellpruneError: the budget is too small for one channel in each layer, or macs of inputs that are no tensor.
        WorkError: a score is NaN or infinite.
    """
    select(_by_layer(channels, scores), 1)  # which refuses scores that cannot be ranked
    if unit == "params":
        uses = {name: 1 for name, _ in model.named_parameters()}
    elif isinstance(inputs, Tensor):
        uses = positions_per_weight(model, inputs.shape[1:])
    else:
        raise CellpruneError("a budget in macs needs inputs that are one tensor: give a budget in params")
    prices = Prices.of(model, channels, uses)
    kept, allowed, spent = within(prices, scores, share, best_of_layers(channels, scores), pricing)
    dense = prices.total(torch.ones_like(kept))
    log.info("budget %s: %d of %d allowed (%g), %d spent (%.4g)", unit, allowed, dense, share,
             spent, spent / dense)  # fmt: skip
    return kept


def _by_layer(channels: Channels, scores: Tensor) -> dict[str, Tensor]:
    """Part the scores by the first layer that makes each channel, after which they are numbered."""
    parts, seen = {}, 0
    for name, axis in channels.outputs.items():
        if (last := int(channels.of[name][axis].max()) + 1) > seen:
            parts[name], seen = scores[seen:last], last
    return parts


def best_of_layers(channels: Channels, scores: Tensor) -> list[int]:
    """Give a channel of each layer without which it had none: that of the largest score."""
    best: list[int] = []
    for made in channels.layers().values():
        if not set(best) & set(made.tolist()):
            best.append(int(made[scores[made].argmax()]))
    return best


def masks_of(model: nn.Module, inputs: Any, channels: Channels, kept: Tensor) -> Masks:
    """Give the masks of the parameters that the channels touch, on their devices, once they are seen to be right."""
    verify(model, inputs, channels, kept)
    parameters = dict(model.named_parameters())
    masks = channels.masks(kept, {name: p.shape for name, p in parameters.items()})
    return {name: mask.to(parameters[name].device) for name, mask in masks.items()}
