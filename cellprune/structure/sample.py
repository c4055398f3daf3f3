"""A sample as small as it may be: what is asked of a network's channels has the same answer at any size of its maps.

A pass over small maps takes a fraction of the time. They may not be too small: padding must leave a middle, and a size
that only some maps can have decides nothing.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cellprune.structure.comparing import random_inputs
from cellprune.structure.layers import weighted_layers
from cellprune.structure.nested import map_tensors, tensors_of
from cellprune.structure.standing_in import looking

_LEAST_PX = 4  # a side of the smallest map of which the network has a larger one for a larger image


def smallest_sample(model: nn.Module, inputs: object) -> object:
    """Give one sample of what a network takes, its maps cut down by a power of two as far as the network allows.

    Args:
        model: the network; it is left as it was.
        inputs: what it takes, one sample or more.
    Returns:
        Numbers of the kind of the inputs; the maps are whole where the network takes no other size.
    """
    whole = random_inputs(inputs)
    sample, small = whole, list[torch.Size]()
    for parts in _powers_of_two([side for tensor in tensors_of(whole) for side in tensor.shape[2:]]):
        twice = _cut(whole, parts)
        large = _sides_of_maps(model, twice)
        # equal ones were both mirrored to the smallest size that the network takes, or pooled to it
        if len(small) == len(large) and small != large and _is_wide_enough(small, large):
            return sample
        sample, small = twice, large
    return whole


def _powers_of_two(sides: Sequence[int]) -> list[int]:
    """List those that divide all sides into as many pixels as a map may have, the largest first; none of no side."""
    powers = [2**power for power in range(16, -1, -1)] if sides else []
    return [parts for parts in powers if all(side % parts == 0 and side // parts >= _LEAST_PX for side in sides)]


def _cut(sample: object, parts: int) -> object:
    def cut(tensor: Tensor) -> Tensor:
        for axis in range(2, tensor.dim()):
            tensor = tensor.narrow(axis, 0, tensor.shape[axis] // parts)
        return tensor

    return map_tensors(cut, sample)


def _sides_of_maps(model: nn.Module, sample: object) -> list[torch.Size]:
    """Give the sides of each layer's maps, call by call; none where the network takes no such size."""
    sides: list[torch.Size] = []
    with looking(model):
        for layer in weighted_layers(model).values():
            layer.register_forward_hook(lambda layer, args, output: sides.append(output.shape[2:]))
        try:
            with _NothingIsEmpty():
                model(sample)
        except Exception:  # whatever it raises at a size that is not its own
            return []
    return sides


class _NothingIsEmpty(TorchFunctionMode):
    """Ends a pass where nothing is left of a map that was cropped."""

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: object,
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor) and not result.numel():
            raise ValueError("an empty map")
        return result


def _is_wide_enough(small: Sequence[torch.Size], large: Sequence[torch.Size]) -> bool:
    return all(
        one >= _LEAST_PX or one == other
        for ones, others in zip(small, large, strict=True)
        for one, other in zip(ones, others, strict=True)
    )
