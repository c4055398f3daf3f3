"""Which modules hold the weights that pruning and costs speak of: convolutions, transposed ones, linear maps."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
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
    layers: dict[int, nn.Module] = {}
    foreign: set[int] = set()
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if isinstance(module, WEIGHTED) and name == "weight":
                layers.setdefault(id(parameter), module)
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


def copied(layer: Any) -> nn.Module:
    """Copy a layer to try it out, in evaluation mode: with the hooks by which torch computes weights, and no others."""
    ours = {
        key: hook for key, hook in layer._forward_pre_hooks.items() if type(hook).__module__.startswith("torch.nn.")
    }
    memo: dict[int, Any] = {id(value): value.detach() for value in vars(layer).values() if isinstance(value, Tensor)}
    memo[id(layer._forward_pre_hooks)] = OrderedDict(ours)
    memo |= {id(hooks): OrderedDict() for hooks in (layer._forward_hooks, layer._backward_hooks)}
    copy: nn.Module = deepcopy(layer, memo)
    return copy.eval().requires_grad_(False)


@contextmanager
def probe(model: nn.Module, input_size: Sequence[int]) -> Iterator[Tensor]:
    """Give one sample of ones for the model, which is in evaluation mode meanwhile.

    Args:
        model: any network; its modes are put back afterwards.
        input_size: shape of one sample, without the batch axis.
    """
    modes = {module: module.training for module in model.modules()}
    parameter = next(model.parameters())
    model.eval()
    try:
        yield torch.ones(1, *input_size, device=parameter.device, dtype=parameter.dtype)
    finally:
        for module, training in modes.items():
            module.training = training
