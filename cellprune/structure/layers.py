"""Which modules hold the weights that pruning and costs speak of: convolutions, transposed ones, linear maps."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

WEIGHTED = (_ConvNd, nn.Linear)


def weighted_layers(model: nn.Module) -> dict[str, nn.Module]:
    """Give each layer that multiplies its input by a weight, once, under its weight's parameter name.

    A weight that several layers share appears once, under its first name. A weight that another kind of module uses
    too (an embedding tied to the output layer) is left out, and so is one that is computed (weight norm) rather than
    stored.

    Returns:
        Parameter name of the weight -> module, in the order of `model.named_parameters()`.
    """
    return owned(model, lambda module, name: module if isinstance(module, WEIGHTED) and name == "weight" else None)


def owned(model: nn.Module, layer_of: Callable[[nn.Module, str], nn.Module | None]) -> dict[str, nn.Module]:
    """Give each parameter that belongs to layers alone, once, with the first of them.

    Args:
        layer_of: (module, a parameter's own name in it) -> the layer that it belongs to there; None for none.
    Returns:
        Parameter name -> layer, in the order of `model.named_parameters()`.
    """
    layers: dict[int, nn.Module] = {}
    foreign: set[int] = set()
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if (layer := layer_of(module, name)) is not None:
                layers.setdefault(id(parameter), layer)
            else:
                foreign.add(id(parameter))
    return {
        name: layers[id(parameter)]
        for name, parameter in model.named_parameters()
        if id(parameter) in layers and id(parameter) not in foreign
    }


def is_transposed(layer: nn.Module) -> bool:
    """Tell whether each weight meets every input position (a transposed convolution) instead of every output one."""
    return isinstance(layer, _ConvTransposeNd)


def by_output(layer: nn.Module, values: Tensor) -> Tensor:
    """Lay out a weight, or its mask, with one row for each channel that the layer makes: (channels, the rest)."""
    if not is_transposed(layer):
        return values.flatten(1)
    groups: Any = layer.groups  # the inputs come first, and each group's outputs stand beside its own inputs
    return values.unflatten(0, (groups, -1)).transpose(1, 2).flatten(0, 1).flatten(1)


def kernels(layer: Any, weight: Tensor) -> Tensor:
    """Lay out a weight as (outputs, inputs of one group, taps); a linear layer has one tap."""
    rows = by_output(layer, weight)
    inputs = len(weight) // layer.groups if is_transposed(layer) else weight.shape[1]
    return rows.view(len(rows), inputs, -1)


def as_weight(layer: nn.Module, rows: Tensor, shape: Sequence[int]) -> Tensor:
    """Give the weight of a shape that `kernels` laid out so."""
    if is_transposed(layer):
        rows = rows.unflatten(0, (layer.groups, -1)).transpose(1, 2).flatten(0, 1)
    return rows.reshape(*shape)


def across_groups(layer: nn.Module, per_group: Tensor) -> Tensor:
    """Spread (outputs, inputs of one group) over (outputs, inputs), with zeros where no group is."""
    groups = getattr(layer, "groups", 1)
    return torch.block_diag(*per_group.chunk(groups)) if groups > 1 else per_group


def ones(model: nn.Module, input_size: Sequence[int]) -> Tensor:
    """Give one sample of ones, on the device and of the precision of the model's first parameter.

    Args:
        model: any network.
        input_size: shape of one sample, without the batch axis.
    """
    parameter = next(model.parameters())
    return torch.ones(1, *input_size, device=parameter.device, dtype=parameter.dtype)


def first_of(args: Sequence[object], kwargs: Mapping[str, object]) -> Any:
    """Give what a layer reads, of a call with or without keywords."""
    return next(iter((*args, *kwargs.values())))
