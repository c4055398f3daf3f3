"""How the sensitivity of single weights becomes the score that ranks weights or channels. Larger is kept, always."""

from collections.abc import Mapping
from typing import Literal, get_args

import torch
from torch import Tensor

from cellprune.errors import CellpruneError, unknown
from cellprune.structure.channels import Channels

Gate = Literal["activation", "weight"]
Named = Mapping[str, Tensor]


def absolute(weight: Tensor, sensitivity: Tensor) -> Tensor:
    """Rank by the size of the effect, whatever its sign: snip, prospr."""
    return sensitivity.abs()


def magnitude(weight: Tensor, sensitivity: Tensor) -> Tensor:
    """Rank by the weight's own size; the sensitivity plays no part."""
    return weight.detach().abs()


def given(weight: Tensor, sensitivity: Tensor) -> Tensor:
    """Rank by the sensitivity as it stands: random."""
    return sensitivity


def gated(channels: Channels, sensitivity: Named, *, gate: Gate = "activation") -> Tensor:
    """Rank channels by the size of the effect of one factor on each: see `gated_with_sign`.

    Source: Van Amersfoort et al., 2020 (arXiv:2007.00389), SNIP on gates of channels (3SP).
    """
    return gated_with_sign(channels, sensitivity, gate=gate).abs()


def gated_with_sign(channels: Channels, sensitivity: Named, *, gate: Gate = "activation") -> Tensor:
    """Rank channels by the effect of one factor on each: signed terms are summed over all it scales.

    Args:
        channels: the channels.
        sensitivity: parameter name -> weight times derivative, signed.
        gate: "activation" scales what leaves the norm, by the norm's weight and bias, or kernel and bias where no
            norm follows; "weight" scales the kernel alone, as publications have it, which a batch norm behind it
            divides away again: its scores are remainders of the size of the norm's eps then.
    Returns:
        (channels.count,) float64.
    Raises:
        CellpruneError: there is no such gate.
    """
    if gate not in get_args(Gate):
        raise CellpruneError(unknown("gate", gate, get_args(Gate)))
    scaled: dict[str, int] = {}  # parameter -> its axis of channels; each once, however many layers it follows
    for name, axis in channels.outputs.items():
        norms = channels.norms.get(name, ())
        if gate == "activation" and norms:
            scaled |= dict.fromkeys(norms, 0)
        else:
            scaled[name] = axis
            if gate == "activation" and name in channels.biases:
                scaled[channels.biases[name]] = 0
    return _total(channels, sensitivity, scaled)


def summed_sizes(channels: Channels, sensitivity: Named) -> Tensor:
    """Sum the sizes of the effects of single weights, over the kernels and biases that make a channel.

    Returns:
        (channels.count,) float64.
    """
    biases = {channels.biases[name]: 0 for name in channels.outputs if name in channels.biases}
    axes = {**channels.outputs, **biases}
    return _total(channels, {name: sensitivity[name].abs() for name in axes}, axes)


def mean_magnitude(channels: Channels, sensitivity: Named) -> Tensor:
    """Rank channels by the root mean square of the weights that make them; the sensitivity is the weights themselves.

    Returns:
        (channels.count,) float64.
    """
    return root_mean_square(
        channels, sensitivity, {name: torch.ones_like(sensitivity[name]) for name in channels.outputs}
    )


def root_mean_square(channels: Channels, weights: Named, masks: Named) -> Tensor:
    """Give the root mean square of those weights that masks keep, of all that make a channel; 0 where none is left.

    Returns:
        (channels.count,) float64.
    """
    squares = {name: (weights[name] * masks[name]).square() for name in channels.outputs}
    left = _total(channels, masks, channels.outputs).clamp(min=1)
    return (_total(channels, squares, channels.outputs) / left).sqrt()


def drawn(channels: Channels, sensitivity: Named) -> Tensor:
    """Rank channels by one draw each: that of the first weight of the first layer that makes them.

    Returns:
        (channels.count,) float64.
    """
    draws = torch.full((channels.count,), torch.nan, dtype=torch.float64)
    for name, axis in channels.outputs.items():
        first = sensitivity[name].transpose(0, axis).flatten(1)[:, 0].cpu()
        for channel, draw in zip(channels.of[name][axis].tolist(), first.tolist(), strict=True):
            if channel >= 0 and draws[channel].isnan():
                draws[channel] = draw
    return draws


def _total(channels: Channels, values: Named, axes: Mapping[str, int]) -> Tensor:
    total = torch.zeros(channels.count, dtype=torch.float64)
    for name, axis in axes.items():
        value = values[name].transpose(0, axis).flatten(1) if values[name].dim() > 1 else values[name][:, None]
        where = channels.of[name][axis]
        total.index_add_(0, where[where >= 0], value.double().sum(1).cpu()[where >= 0])
    return total
