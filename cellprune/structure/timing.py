"""Milliseconds of networks and layers in torch; `in_turn` says how passes are timed."""

from collections.abc import Mapping
from contextlib import ExitStack

import torch
from torch import Tensor, nn

from cellprune.structure.in_turn import Pass, in_turn, timing_itself
from cellprune.structure.layer_shapes import LayerShape
from cellprune.structure.standing_in import looking, require_values

_CALLS_OF_LAYER = 5  # that count; a network has hundreds of shapes to try


def milliseconds(
    networks: Mapping[str, nn.Module], inputs: Tensor, *, repeats: int = 5, least_s: float = 0.3
) -> dict[str, float]:
    """Give the time of a forward pass of each network, in evaluation mode.

    Args:
        networks: name -> network, on the device of `inputs`; they are left as they were.
        inputs: one batch, (N, C, H, W).
        repeats: passes of each that count, at least; one more comes first to warm up.
        least_s: seconds that the passes take together, at least: short ones are repeated more often.
    Returns:
        name -> milliseconds, and "repeats": the passes of each that count.
    """
    inputs = _channels_last(inputs)
    with ExitStack() as stack:
        for network in networks.values():  # in one layout: that alone may cost a third
            require_values(network)
            tensors = dict(network.named_parameters()) | dict(network.named_buffers())
            stack.enter_context(looking(network, {name: _channels_last(t) for name, t in tensors.items()}))
        took = in_turn(
            {name: pass_of(network, inputs) for name, network in networks.items()},
            threads=torch.get_num_threads(), on_cpu=inputs.device.type == "cpu", passes=repeats, least_s=least_s,
        )  # fmt: skip
    return {name: round(value, 3) for name, value in took.milliseconds.items()} | {"repeats": took.passes}


def milliseconds_of_layer(shape: LayerShape, device: torch.device) -> float:
    """Give the time of one call of such a layer, alone, on one sample.

    On a CPU the time of all its threads, divided by their number: a layer runs for so short a time that a neighbour who
    takes the processor even once would decide what the clock on the wall says.
    """
    layer, inputs = shape.build(device)
    layer, inputs = layer.to(memory_format=torch.channels_last), _channels_last(inputs)  # type: ignore[call-overload]
    once = timing_itself(pass_of(layer, inputs), threads=torch.get_num_threads(), on_cpu=device.type == "cpu")
    once()  # warms up
    return min(once() for _ in range(_CALLS_OF_LAYER))


def pass_of(network: nn.Module, inputs: Tensor) -> Pass:
    """Make a pass of a network as it is; it returns when the result is there, on any device."""

    def run() -> None:
        with torch.inference_mode():
            network(inputs)
        if inputs.device.type != "cpu":
            torch.accelerator.synchronize(inputs.device)

    return run


def _channels_last(tensor: Tensor) -> Tensor:
    """Copy it, with the channels of a pixel side by side where it has rows and columns."""
    layout = torch.channels_last if tensor.dim() == 4 else torch.preserve_format
    return tensor.detach().clone(memory_format=layout)
