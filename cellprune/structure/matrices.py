"""Weights by which modules other than convolutions and linear layers multiply: attention, recurrent, bilinear, foreign.

A foreign module, such as the Conv1D of transformers, is known by what it does: it has a matrix and no parts of its own,
and on a few numbers it gives their product with the matrix, plus its bias.
"""

import torch
from torch import Tensor, nn

from cellprune.structure.layers import WEIGHTED
from cellprune.structure.trying import tried_out

_OF_TORCH: dict[type[nn.Module], tuple[str, ...]] = {
    nn.MultiheadAttention: ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight"),
    nn.RNNBase: ("weight_",),  # weight_ih_l0, weight_hr_l1_reverse and so on
    nn.RNNCellBase: ("weight_",),
    nn.Bilinear: ("weight",),
}


def matrices(module: nn.Module) -> list[str]:
    """Name the module's own parameters by which it multiplies, as they stand; nothing for convolutions and the like."""
    own = {name: p for name, p in module._parameters.items() if p is not None}
    for kind, begins in _OF_TORCH.items():
        if isinstance(module, kind):
            return [name for name, p in own.items() if name.startswith(begins) and p.dim() > 1]
    return ["weight"] if outputs_axis(module) is not None else []


def outputs_axis(module: nn.Module) -> int | None:
    """Give the axis of a foreign module's matrix W along which its outputs lie: 0 for x W', 1 for x W; else None."""
    weight = module._parameters.get("weight")
    if (
        weight is None
        or weight.dim() != 2
        or not weight.is_floating_point()
        or isinstance(module, WEIGHTED)
        or type(module).__module__.startswith("torch.")
        or next(module.children(), None) is not None
    ):
        return None
    with tried_out(module):
        for parameter in module.parameters():
            parameter.copy_(torch.rand(parameter.shape).to(parameter))
        stored = module._parameters["weight"]  # another tensor than before
        assert stored is not None
        return next((axis for axis, matrix in ((0, stored.mT), (1, stored)) if _applies(module, matrix)), None)


def _applies(module: nn.Module, matrix: Tensor) -> bool:
    inputs = torch.rand(2, len(matrix)).to(matrix)
    product, bias = inputs @ matrix, getattr(module, "bias", None)
    if isinstance(bias, Tensor) and bias.shape == product.shape[1:]:
        product = product + bias
    try:
        output = module.forward(inputs)  # past its hooks
    except Exception:  # it takes something else
        return False
    return isinstance(output, Tensor) and output.shape == product.shape and torch.allclose(output, product, rtol=1e-3)
