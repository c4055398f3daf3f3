"""Which kept weights can matter at all: those on a path of kept weights from the input to the output.

Source: Vysogorets, Kempe, JMLR 2023 (arXiv:2107.02306), effective sparsity.
Note: the paper sums path products, which over- and underflow in deep networks; we ask only whether a path exists, by
    one forward and one backward pass whose values are set to 0 or 1 after every layer. Maps have their real size, so a
    tap that only ever meets zero padding is not active, even in a dense network.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.nn.modules.batchnorm import _NormBase

from cellprune.structure.layers import ones, weighted_layers
from cellprune.structure.nested import tensors_of
from cellprune.structure.standing_in import copies, looking, require_values

_MAX_TO_AVERAGE = {
    nn.MaxPool1d: nn.AvgPool1d,
    nn.MaxPool2d: nn.AvgPool2d,
    nn.MaxPool3d: nn.AvgPool3d,
}
_ADAPTIVE = {
    nn.AdaptiveMaxPool1d: nn.AdaptiveAvgPool1d,
    nn.AdaptiveMaxPool2d: nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool3d: nn.AdaptiveAvgPool3d,
}
_NO_CHANGE = (_NormBase, nn.GroupNorm, nn.LayerNorm, nn.Dropout, nn.modules.dropout._DropoutNd)


def active_weights(
    model: nn.Module, input_size: Sequence[int], masks: Mapping[str, Tensor] | None = None
) -> dict[str, Tensor]:
    """Mark the kept weights that lie on a path from the input to the output.

    Constants count for nothing: a bias may still carry a signal through a channel that no path reaches. Activations
    and poolings must be modules, or functions that keep zero at zero and positive at positive (such as F.relu).

    Args:
        model: the network; it is left as it was.
        input_size: shape of one sample without the batch axis.
        masks: weight name -> bool, True = kept; a layer without a mask is whole.
    Returns:
        Weight name -> bool tensor of its shape, for every weighted layer.
    """
    masks = masks or {}
    require_values(model)
    with looking(model, _wires(model, masks)):  # which puts hooks and modules back, too
        weights: dict[str, Any] = {name: layer.weight for name, layer in weighted_layers(model).items()}
        ids = {id(weight) for weight in weights.values()}
        for module in model.modules():
            if id(module._parameters.get("weight")) in ids:
                module.register_forward_hook(lambda module, args, output: _Binary.apply(output))
        sample = ones(model, input_size)
        with torch.enable_grad():
            output = _straightened(model)(sample)
            total: Any = sum(tensor.sum() for tensor in tensors_of(output))
            paths = torch.autograd.grad(total, list(weights.values()), materialize_grads=True)
    return {name: (weight > 0) & (path > 0) for (name, weight), path in zip(weights.items(), paths, strict=True)}


class _Binary(torch.autograd.Function):
    """Reached or not, in both directions: 1 where the value, or the gradient, is positive, else 0."""

    @staticmethod
    def forward(ctx: FunctionCtx, value: Tensor) -> Tensor:
        return (value > 0).to(value.dtype)

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> Tensor:
        return (gradient > 0).to(gradient.dtype)


def _wires(model: nn.Module, masks: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give weights of 0 or 1 and no constants, in float32."""
    tensors, layers = copies(model, dtype=torch.float32), weighted_layers(model)
    for name, _ in model.named_parameters():
        if name in layers and name in masks:
            tensors[name].copy_(masks[name])
        else:  # masks of channels cover biases and norms as well, which are constants here
            tensors[name].fill_(1.0 if name in layers else 0.0)
        tensors[name].requires_grad_(name in layers)
    return tensors


def _straightened(module: nn.Module) -> nn.Module:
    """Replace norms and activations by the identity and max pooling by average pooling, all the way down.

    The gradient of a max pool over equal values reaches one position of its window only; of an average pool, all.
    """
    for name, child in module.named_children():
        setattr(module, name, _straightened(child))
    kind: Any = type(module)
    if kind in _MAX_TO_AVERAGE:
        old: Any = module
        return _MAX_TO_AVERAGE[kind](old.kernel_size, old.stride, old.padding, ceil_mode=old.ceil_mode)
    if kind in _ADAPTIVE:
        adaptive: Any = module
        return _ADAPTIVE[kind](adaptive.output_size)
    is_activation = kind.__module__ == "torch.nn.modules.activation" and kind is not nn.MultiheadAttention
    return nn.Identity() if is_activation or isinstance(module, _NO_CHANGE) else module
