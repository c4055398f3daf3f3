"""Milliseconds per image, measured: several networks in turn, so that a busy neighbour slows all of them alike."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from itertools import count
from time import perf_counter, process_time

import torch
from torch import Tensor, nn

from cellprune.structure.layer_shapes import LayerShape
from cellprune.structure.standing_in import looking, require_values

_CALLS_OF_LAYER = 5  # that count; a network has hundreds of shapes to try


def milliseconds(
    networks: Mapping[str, nn.Module], inputs: Tensor, *, repeats: int = 5, least_s: float = 0.3
) -> dict[str, float]:
    """Give the time of a forward pass of each network, in evaluation mode.

    On a CPU that is the time of all its threads, divided by their number: networks in turn can fall in step with a
    neighbour who takes the processor, and one of them then loses it at every pass. Of the passes the lower quartile
    counts, which a few slow ones do not move.

    Args:
        networks: name -> network, on the device of `inputs`; they are left as they were.
        inputs: one batch, (N, C, H, W).
        repeats: passes of each that count, at least; one more comes first to warm up.
        least_s: seconds that the passes take together, at least: short ones are repeated more often.
    Returns:
        name -> milliseconds, and "repeats": the passes of each that count.
    """
    times: dict[str, list[float]] = {name: [] for name in networks}
    inputs = _channels_last(inputs)
    with ExitStack() as stack:
        for network in networks.values():  # in one layout: that alone may cost a third
            require_values(network)
            tensors = dict(network.named_parameters()) | dict(network.named_buffers())
            stack.enter_context(looking(network, {name: _channels_last(t) for name, t in tensors.items()}))
        clock, threads = _clock(inputs.device)
        begin = perf_counter()
        for repeat in count():
            if repeat > repeats and perf_counter() - begin > least_s:
                break
            for name, network in networks.items():
                start = clock()
                network(inputs)
                if not threads:
                    torch.accelerator.synchronize(inputs.device)
                if repeat > 0:
                    times[name].append(1000 * (clock() - start) / (threads or 1))
    return {name: round(_quartile(values), 3) for name, values in times.items()} | {"repeats": repeat - 1}


def milliseconds_of_layer(shape: LayerShape, device: torch.device) -> float:
    """Give the time of one call of such a layer, alone, on one sample.

    On a CPU the time of all its threads, divided by their number: a layer runs for so short a time that a neighbour who
    takes the processor even once would decide what the clock on the wall says.
    """
    layer, inputs = shape.build(device)
    layer, inputs = layer.to(memory_format=torch.channels_last), _channels_last(inputs)  # type: ignore[call-overload]
    clock, threads = _clock(device)
    times: list[float] = []
    with torch.inference_mode():
        while len(times) <= _CALLS_OF_LAYER:
            begin = clock()
            layer(inputs)
            if not threads:
                torch.accelerator.synchronize(device)
            times.append(1000 * (clock() - begin) / (threads or 1))
    return min(times[1:])  # the first one warms up


def _channels_last(tensor: Tensor) -> Tensor:
    """Copy it, with the channels of a pixel side by side where it has rows and columns."""
    layout = torch.channels_last if tensor.dim() == 4 else torch.preserve_format
    return tensor.detach().clone(memory_format=layout)


def _clock(device: torch.device) -> tuple[Callable[[], float], int]:
    """Give the clock to read, and on a CPU the number of threads whose time it tells, else 0."""
    return (process_time, torch.get_num_threads()) if device.type == "cpu" else (perf_counter, 0)


def _quartile(values: Sequence[float]) -> float:
    return torch.tensor(values, dtype=torch.float64).quantile(0.25).item()
