"""Weights that a layer computes before it uses them: weight norm, spectral norm, standardization, a parametrization.

The layer is tried out on a small input, and the weight that reaches its convolution or matrix product is looked at.
Where it is 0 at exactly the places at which one parameter of its shape is 0, that parameter can be pruned in its place.
It does not matter how the weight is computed: by hooks, by a parametrization, or in a `forward` of the layer's own.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.conv import _ConvNd
from torch.overrides import TorchFunctionMode

from cellprune.structure.layers import WEIGHTED, is_transposed
from cellprune.structure.trying import tried_out

_USES = {F.linear, F.conv1d, F.conv2d, F.conv3d, F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d}
_MASKS = 4  # drawn to see whether a weight follows; one alone may fit by chance


@dataclass(frozen=True)
class Computed:
    """A layer that computes its weight.

    Attributes:
        layer: the convolution or linear layer.
        original: name within the layer of the parameter whose zeros are the weight's; None where there is none.
        divided: the axis along whose slices the weight is divided by its own size, so that no slice may be empty; -1
            where that is all of the weight, None where no part needs a value.
        scales: whether the weight grows as its original does.
    """

    layer: nn.Module
    original: str | None
    divided: int | None = None
    scales: bool = False


def computed_weights(model: nn.Module) -> dict[str, Computed]:
    """Find the layers that compute their weight.

    Returns:
        Name of the layer -> what is known of its weight, for convolutions, transposed ones and linear layers.
    """
    layers = {name: module for name, module in model.named_modules() if isinstance(module, WEIGHTED)}
    candidates = {name: _computed(layer) for name, layer in layers.items() if not _is_plain(layer)}
    return {name: computed for name, computed in candidates.items() if computed is not None}


def _is_plain(layer: nn.Module) -> bool:
    """Tell whether a layer stores its weight, and torch's own code uses it as it stands."""
    methods = [getattr(layer, name) for name in ("forward", "_conv_forward") if hasattr(layer, name)]
    return "weight" in layer._parameters and all(method.__module__.startswith("torch.nn.modules") for method in methods)


def _computed(layer: nn.Module) -> Computed | None:
    """Say what a layer computes; None where it uses its own weight, or does not show what it uses."""
    with tried_out(layer):
        parameters = dict(layer.named_parameters())
        for parameter in parameters.values():
            parameter.copy_(_drawn(parameter))
        used = _used(layer)
        if used is None:
            return None if "weight" in layer._parameters else Computed(layer, None)
        if used is layer._parameters.get("weight"):
            return None
        for name, original in reversed(parameters.items()):
            if original.shape == used.shape and _has_its_zeros(layer, original):
                return Computed(layer, name, _divided(layer, original), _scales(layer, original))
    return Computed(layer, None)


def _drawn(like: Tensor) -> Tensor:
    return 0.5 + torch.rand(like.shape).to(like)


class _Uses(TorchFunctionMode):
    """Notes the weights that reach convolutions and matrix products."""

    def __init__(self) -> None:
        super().__init__()
        self.weights: list[Tensor] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        options = dict(kwargs or {})
        if func in _USES:
            self.weights.append(args[1] if len(args) > 1 else options["weight"])
        return func(*args, **options)


def _used(layer: Any) -> Tensor | None:
    """Give the weight that a layer uses now; None where none of the shape it should have is seen."""
    like = next(iter(layer.parameters()))
    if isinstance(layer, _ConvNd):
        sizes = zip(layer.kernel_size, layer.dilation, strict=True)
        reach = [dilation * (size - 1) + 1 for size, dilation in sizes]
        shape = (layer.in_channels, *(2 * size for size in reach))  # enough for padding that mirrors
        outer = (
            (layer.in_channels, layer.out_channels) if is_transposed(layer) else (layer.out_channels, layer.in_channels)
        )
        expected: tuple[int, ...] = (outer[0], outer[1] // layer.groups, *layer.kernel_size)
    else:
        shape, expected = (layer.in_features,), (layer.out_features, layer.in_features)
    with _Uses() as uses:
        try:
            layer(torch.ones(1, *shape, device=like.device, dtype=like.dtype))
        except Exception:  # a layer that takes something else: what it does cannot be seen here
            return None
    return next((weight for weight in uses.weights if weight.shape == expected), None)


def _has_its_zeros(layer: nn.Module, original: Tensor) -> bool:
    for _ in range(_MASKS):
        kept = torch.rand(original.shape).to(original.device) < 0.5
        with _values(original, _drawn(original) * kept):
            used = _used(layer)
        used = torch.zeros_like(original) if used is None else used.nan_to_num(0.0)  # 0 / 0 where a whole slice is 0
        if not used.any() or used[~kept].any():
            return False
    return True


def _divided(layer: nn.Module, original: Tensor) -> int | None:
    """Find the finest slices that may not be all 0, by emptying one."""
    for axis in sorted(range(original.dim()), key=lambda axis: -original.shape[axis]):
        emptied = _drawn(original)
        emptied.select(axis, 0).zero_()
        if _breaks(layer, original, emptied):
            return axis
    return -1 if _breaks(layer, original, torch.zeros_like(original)) else None


@contextmanager
def _values(parameter: Tensor, values: Tensor) -> Iterator[None]:
    before = parameter.clone()
    parameter.copy_(values)
    try:
        yield
    finally:
        parameter.copy_(before)


def _breaks(layer: nn.Module, original: Tensor, value: Tensor) -> bool:
    with _values(original, value):
        used = _used(layer)
    return used is not None and not bool(used.isfinite().all())


def _scales(layer: nn.Module, original: Tensor) -> bool:
    before, once = original.clone(), _used(layer)
    with _values(original, 2 * before):
        twice = _used(layer)
    return once is not None and twice is not None and torch.allclose(twice, 2 * once)
