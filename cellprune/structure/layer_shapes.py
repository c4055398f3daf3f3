"""What a layer computes, whatever its weights: enough to build one like it, with other numbers of channels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cellprune.structure.layers import WEIGHTED, first_of, ones, weighted_layers
from cellprune.structure.standing_in import copies, looking

_OPTIONS = ("kernel_size", "stride", "padding", "dilation")


@dataclass(frozen=True)
class LayerShape:
    """One call of a convolution or linear layer on one sample.

    Attributes:
        kind: class in `torch.nn`, "Conv2d".
        inputs, outputs: channels, or features.
        groups: of channels; 1 of a linear layer.
        options: kernel size, stride, padding and dilation, as the class takes them.
        size: of the input beside its channels: (height, width).
    """

    kind: str
    inputs: int
    outputs: int
    groups: int
    options: tuple[tuple[str, object], ...]
    size: tuple[int, ...]

    @classmethod
    def of(cls, layer: Any, given: Tensor) -> "LayerShape":
        """Read it off a layer and its input, (N, channels, ...) or, of a linear layer, (N, ..., features)."""
        kind = next(base.__name__ for base in type(layer).__mro__ if base.__module__.startswith("torch.nn"))
        if isinstance(layer, nn.Linear):
            return cls(kind, layer.in_features, layer.out_features, 1, (), tuple(given.shape[1:-1]))
        options = tuple((name, getattr(layer, name)) for name in _OPTIONS)
        return cls(kind, layer.in_channels, layer.out_channels, layer.groups, options, tuple(given.shape[2:]))

    @property
    def key(self) -> str:
        """A name for tables: the same for two shapes that compute the same."""
        options = " ".join(f"{name}={value}" for name, value in self.options)
        return f"{self.kind} {self.inputs}>{self.outputs} groups={self.groups} {options} at {self.size}"

    def build(self, device: torch.device) -> tuple[nn.Module, Tensor]:
        """Build such a layer, with a bias, and an input of one sample."""
        with torch.random.fork_rng(devices=[]):  # what it draws is nobody's
            options: dict[str, Any] = dict(self.options)
            if self.kind == "Linear":
                layer = nn.Linear(self.inputs, self.outputs)
                return layer.to(device), torch.ones(1, *self.size, self.inputs, device=device)
            layer = getattr(nn, self.kind)(self.inputs, self.outputs, groups=self.groups, **options)
            return layer.to(device), torch.ones(1, self.inputs, *self.size, device=device)


def shapes_of_layers(model: nn.Module, input_size: Sequence[int]) -> dict[str, list[LayerShape]]:
    """Give the shape of each call of each weighted layer on one sample, under its weight's name."""
    shapes: dict[str, list[LayerShape]] = {}
    names: dict[int, str] = {}

    def note(layer: nn.Module, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
        shapes[names[id(layer._parameters["weight"])]].append(LayerShape.of(layer, first_of(args, kwargs)))

    with looking(model, copies(model)):  # hooks are put back, too
        for name, layer in weighted_layers(model).items():
            shapes[name], names[id(layer.weight)] = [], name
        for module in model.modules():
            if isinstance(module, WEIGHTED) and id(module._parameters.get("weight")) in names:
                module.register_forward_pre_hook(note, with_kwargs=True)
        model(ones(model, input_size))
    return shapes
