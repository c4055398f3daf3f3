"""Which inputs of a network's layers are the same number whatever image comes in, at every pixel and for every size.

One pass in which the image is NaN: what depends on it becomes NaN, too, and what does not is seen with its value. A
layer's weights of zero stop it, and so does a norm's; all else lets it through, as any arithmetic does. A constant that
meets padding of zeros makes another number at the border than in the middle: it counts as one that depends.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from cellprune.structure.channels import NORMS
from cellprune.structure.comparing import random_inputs
from cellprune.structure.layers import across_groups, first_of, is_transposed, kernels, weighted_layers
from cellprune.structure.nested import map_tensors
from cellprune.structure.standing_in import looking

_ROUNDING = 1e-9  # of float64, by which a map of one number may differ from pixel to pixel


def constant_inputs(model: nn.Module, tensors: Mapping[str, Tensor], inputs: object) -> dict[str, Tensor]:
    """Find the inputs of layers that are constants, in evaluation mode.

    Args:
        model: the network; it is left as it was.
        tensors: name -> float64, what stands in for its parameters and buffers.
        inputs: what it takes, floating; twice as large maps are looked at, too, where it takes these.
    Returns:
        Name of a weight -> (inputs of its layer,) float64: the constant that each is, NaN where it is none.
    """
    known = _followed(model, tensors, _unknown(random_inputs(inputs)))
    try:
        larger = _followed(model, tensors, _unknown(random_inputs(inputs, times=2)))
    except Exception:  # a network that takes one size
        return known
    return {name: _agreed(value, larger[name]) for name, value in known.items()}


def is_even(layer: Any) -> bool:
    """Tell whether a layer makes a constant map of a constant map: it pads with nothing of its own."""
    if isinstance(layer, nn.Linear):
        return True
    if is_transposed(layer):  # each phase of a larger stride has weights of its own
        return {*layer.kernel_size, *layer.stride} == {1} and not any((*layer.padding, *layer.output_padding))
    if layer.padding_mode != "zeros" or layer.padding == "valid":
        return True
    return set(layer.kernel_size) == {1} if layer.padding == "same" else not any(layer.padding)


def _unknown(inputs: object) -> object:
    return map_tensors(lambda tensor: torch.full_like(tensor, torch.nan, dtype=torch.float64), inputs)


def _followed(model: nn.Module, tensors: Mapping[str, Tensor], inputs: object) -> dict[str, Tensor]:
    values: dict[str, Tensor] = {}
    with looking(model, tensors):
        names = {id(layer.weight): name for name, layer in weighted_layers(model).items()}
        for module in model.modules():
            name = names.get(id(module._parameters.get("weight")))
            if name is not None:
                module.__dict__["forward"] = _following(module, name, values)
            elif isinstance(module, NORMS):
                module.register_forward_hook(_stopping)
        model(inputs)
    return values


def _following(layer: Any, name: str, found: dict[str, Tensor]) -> Callable[..., Tensor]:
    """Give a forward for the layer that notes its inputs, and lets what depends through where a weight is not zero."""
    forward = layer.forward

    def follow(*args: object, **kwargs: object) -> Tensor:
        x = first_of(args, kwargs)
        axis = x.dim() - 1 if isinstance(layer, nn.Linear) else 1
        value = _constants(x, axis)
        found[name] = _agreed(found[name], value) if name in found else value
        output: Tensor = forward(x.nan_to_num(nan=0.0))
        unknown = value.isnan() if is_even(layer) else value != 0  # as NaN is
        weights = across_groups(layer, kernels(layer, layer.weight).abs().amax(2))
        depends = (weights[:, unknown] != 0).any(1)
        return output.index_fill(axis, depends.nonzero().squeeze(1), torch.nan)

    return follow


def _stopping(norm: Any, args: object, output: Tensor) -> Tensor:
    """Give a norm's channels whose weight is zero as what they are, its bias."""
    weight = norm._parameters.get("weight")
    if weight is None:
        return output
    shape = [1, -1, *[1] * (output.dim() - 2)]
    bias = torch.zeros_like(weight) if norm.bias is None else norm.bias
    return torch.where(weight.view(shape) == 0, bias.view(shape), output)


def _constants(x: Tensor, axis: int) -> Tensor:
    """Give the number that each map is, NaN where it is several or none."""
    maps = x.transpose(0, axis).flatten(1)
    low, high = maps.amin(1), maps.amax(1)  # which are NaN where one number is
    return torch.where(high - low <= _ROUNDING * high.abs().clamp(min=1), (low + high) / 2, torch.nan).double()


def _agreed(one: Tensor, other: Tensor) -> Tensor:
    same = (one - other).abs() <= _ROUNDING * one.abs().clamp(min=1)
    return torch.where(same, one, torch.nan)
