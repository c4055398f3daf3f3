"""What a network costs, layer by layer: parameters and multiply-adds, dense and under a mask.

One multiply-add is one (not two operations); norms, activations and biases are not counted. A convolution uses each
weight once an output position, a transposed one once an input position, a linear layer once a row of its input.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from cellprune.structure.counts import ChannelCount, Counts, Layer, Macs, Parameters, Sparsity
from cellprune.structure.effective import active_weights
from cellprune.structure.layers import by_output, first_of, is_transposed, ones, weighted_layers
from cellprune.structure.standing_in import copies, looking
from cellprune.structure.trace import find


def cost(model: nn.Module, input_size: Sequence[int], masks: Mapping[str, Tensor] | None = None) -> Counts:
    """Count parameters, multiply-adds and sparsity for one image.

    Args:
        model: the network; it is left as it was.
        input_size: shape of one sample without the batch axis: (channels, height, width).
        masks: weight name -> bool, True = kept; None for the dense network.
    Returns:
        The counts; a layer outside the masks is kept whole. There are `channels` where masks remove whole ones, with
        their biases and norm parameters.
    """
    masks = masks or {}
    layers = weighted_layers(model)
    positions = positions_per_weight(model, input_size)
    active = active_weights(model, input_size, masks)
    rows = []
    for name, layer in layers.items():
        weight: Any = layer.weight
        mask = masks.get(name, torch.ones_like(weight, dtype=torch.bool))
        kept, made = int(mask.sum()), by_output(layer, mask).any(1)
        rows.append(
            Layer(
                name=name,
                kind=type(layer).__name__,
                shape=tuple(weight.shape),
                weights=weight.numel(),
                kept=kept,
                active=int(active[name].sum()),
                channels=len(made),
                channels_kept=int(made.sum()),
                macs=weight.numel() * positions[name],
                macs_kept=kept * positions[name],
            )
        )
    pruned = [row for row in rows if row.name in masks or not masks]
    total, size = sum(p.numel() for p in model.parameters()), tuple(input_size)
    parameters = Parameters(
        total=total,
        left=total - sum(int((~mask).sum()) for mask in masks.values()),
        prunable=sum(row.weights for row in pruned),
        kept=sum(row.kept for row in pruned),
        active=sum(row.active for row in pruned),
    )
    return Counts(
        parameters=parameters,
        macs=Macs(dense=sum(row.macs for row in rows), masked=sum(row.macs_kept for row in rows), input=size),
        sparsity=Sparsity(
            direct=1 - parameters.kept / parameters.prunable,
            effective=1 - parameters.active / parameters.prunable,
            input=size,
        ),
        channels=_channels(model, input_size, masks) if masks.keys() - layers.keys() else None,
        layers=tuple(rows),
    )


def _channels(model: nn.Module, input_size: Sequence[int], masks: Mapping[str, Tensor]) -> ChannelCount:
    channels = find(model, ones(model, input_size), whole=weighted_layers(model).keys() - masks.keys())
    return ChannelCount(total=channels.count, kept=int(channels.kept(masks).sum()))


def multiply_adds(model: nn.Module, input_size: Sequence[int]) -> int:
    """Count what the network computes for one image as it is, zeros included; as `cost` counts them."""
    positions, layers = positions_per_weight(model, input_size), weighted_layers(model)
    return sum(weight.numel() * positions[name] for name, weight in model.named_parameters() if name in layers)


def positions_per_weight(model: nn.Module, input_size: Sequence[int]) -> dict[str, int]:
    """Count how often each weight of a layer is used on one sample; layers that share a weight add up."""
    return _positions(model, input_size, of_input=is_transposed)


def positions_per_map(model: nn.Module, input_size: Sequence[int]) -> dict[str, int]:
    """Count the numbers in each map that a layer makes of one sample; layers that share a weight add up."""
    return _positions(model, input_size, of_input=lambda layer: False)


def _positions(model: nn.Module, input_size: Sequence[int], of_input: Callable[[nn.Module], bool]) -> dict[str, int]:
    """Count the positions of each weighted layer's output, or input, on one sample."""
    uses: dict[str, int] = {}
    names: dict[int, str] = {}

    def count(layer: nn.Module, args: tuple[object, ...], kwargs: dict[str, object], output: Tensor) -> None:
        if isinstance(layer, nn.Linear):
            n = output.shape[:-1].numel()
        else:
            n = (first_of(args, kwargs) if of_input(layer) else output).shape[2:].numel()
        uses[names[id(layer.weight)]] += n

    with looking(model, copies(model)):  # shapes suffice; hooks are put back, too
        for name, layer in weighted_layers(model).items():
            uses[name], names[id(layer.weight)] = 0, name
        for module in model.modules():
            if id(module._parameters.get("weight")) in names:
                module.register_forward_hook(count, with_kwargs=True)
        model(ones(model, input_size))
    return uses
