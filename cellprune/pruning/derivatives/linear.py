"""A network made linear in its input: every function that bends or shifts a value is taken out while it runs.

Calls are caught where they reach torch, so it does not matter whether the network has a module or calls a function.
Activations, dropout and softmax pass values on; norms multiply each channel by |gamma|, batch norm also by
1 / sqrt(1 + eps) as it does at initialization in eval mode; pooling, padding, addition and concatenation are linear as
they are, or act so on positive values.

Note: instance and group norm take the mean away, and of the constant maps that ones make nothing would be left.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from cellprune.pruning.kinds import Nested

_PASSING = {
    *(F.relu, F.relu_, F.relu6, F.leaky_relu, F.leaky_relu_, F.prelu, F.rrelu, F.rrelu_, F.elu, F.elu_, F.selu),
    *(F.selu_, F.celu, F.celu_, F.silu, F.gelu, F.mish, F.softplus, F.softsign, F.tanhshrink, F.hardshrink),
    *(F.softshrink, F.logsigmoid, F.sigmoid, F.hardsigmoid, F.hardswish, F.hardtanh, F.hardtanh_, F.tanh, F.threshold),
    *(F.softmax, F.log_softmax, F.softmin, F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout),
    *(F.feature_alpha_dropout, F.normalize, F.local_response_norm),
    *(torch.relu, torch.relu_, torch.sigmoid, torch.sigmoid_, torch.tanh, torch.tanh_, torch.softmax, torch.dropout),
    *(torch.log_softmax, torch.prelu, torch.selu, torch.celu, torch.rrelu),
    *(Tensor.relu, Tensor.relu_, Tensor.sigmoid, Tensor.sigmoid_, Tensor.tanh, Tensor.tanh_, Tensor.softmax),
    *(Tensor.log_softmax, Tensor.prelu),
}  # fmt: skip


class Linear(TorchFunctionMode):
    """While this is entered, networks run linearly, as the module's docstring says."""

    def __torch_function__(
        self, func: Callable[..., Nested], types: object, args: Nested = (), kwargs: Mapping[str, Nested] | None = None
    ) -> Nested:
        """Take the place of one call to torch."""
        named = dict(kwargs or {})
        if func in _PASSING:
            return args[0] if args else named["input"]
        if func in _NORMS:
            return _NORMS[func](*args, **named)
        return func(*args, **named)


def is_additive(name: str) -> bool:
    """Tell whether a parameter is added, and so has no place in a linear network: anything called a bias."""
    return name.rpartition(".")[2].endswith("bias")


def _batch_norm(
    input: Tensor, running_mean: object = None, running_var: object = None, weight: Tensor | None = None,
    bias: object = None, training: bool = False, momentum: object = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    return _scaled(input, weight) / (1 + eps) ** 0.5


def _instance_norm(
    input: Tensor,
    running_mean: object = None,
    running_var: object = None,
    weight: Tensor | None = None,
    *_: object,
    **__: object,
) -> Tensor:
    return _scaled(input, weight)


def _group_norm(input: Tensor, num_groups: int, weight: Tensor | None = None, *_: object, **__: object) -> Tensor:
    return _scaled(input, weight)


def _layer_norm(
    input: Tensor, normalized_shape: object, weight: Tensor | None = None, *_: object, **__: object
) -> Tensor:
    return input if weight is None else input * weight


def _scaled(input: Tensor, weight: Tensor | None) -> Tensor:
    """Multiply each channel, the second axis, by its weight."""
    return input if weight is None else input * weight.view(1, -1, *[1] * (input.dim() - 2))


_NORMS: dict[Callable[..., Tensor], Callable[..., Tensor]] = {
    F.batch_norm: _batch_norm,
    F.instance_norm: _instance_norm,
    F.group_norm: _group_norm,
    F.layer_norm: _layer_norm,
    F.rms_norm: _layer_norm,
}
