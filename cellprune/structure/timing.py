"""Milliseconds an image, measured: several networks in turn, so that a busy neighbour slows all of them alike."""

from collections.abc import Mapping
from itertools import count
from time import perf_counter

import torch
from torch import Tensor, nn


@torch.no_grad()
def milliseconds(
    networks: Mapping[str, nn.Module], inputs: Tensor, *, repeats: int = 5, least_s: float = 0.3
) -> dict[str, float]:
    """Give the fastest forward pass of each network, in evaluation mode: a neighbour can only make one slower.

    Args:
        networks: name -> network, on the device of `inputs`; their modes are kept, their memory becomes channels-last.
        inputs: one batch, (N, C, H, W).
        repeats: passes of each that count, at least; one more comes first to warm up.
        least_s: seconds that the passes take together, at least: short ones are repeated more often.
    Returns:
        name -> milliseconds, and "repeats": the passes of each that count.
    """
    times: dict[str, list[float]] = {name: [] for name in networks}
    modes = {name: network.training for name, network in networks.items()}
    for network in networks.values():
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # the layout alone may cost a third
        network.eval()
    inputs = inputs.to(memory_format=torch.channels_last)
    begin = perf_counter()
    for repeat in count():
        if repeat > repeats and perf_counter() - begin > least_s:
            break
        for name, network in networks.items():
            start = perf_counter()
            network(inputs)
            if inputs.is_cuda:
                torch.cuda.synchronize(inputs.device)
            if repeat > 0:
                times[name].append(1000 * (perf_counter() - start))
    for name, network in networks.items():
        network.train(modes[name])
    return {name: round(min(values), 3) for name, values in times.items()} | {"repeats": repeat - 1}
