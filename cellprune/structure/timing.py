"""Milliseconds an image, measured: several networks in turn, so that a busy neighbour slows all of them alike."""

from collections.abc import Mapping
from statistics import median
from time import perf_counter

import torch
from torch import Tensor, nn


@torch.no_grad()
def milliseconds(networks: Mapping[str, nn.Module], inputs: Tensor, *, repeats: int = 5) -> dict[str, float]:
    """Give the median time of a forward pass of each network, in evaluation mode.

    Args:
        networks: name -> network, on the device of `inputs`; their modes are kept.
        inputs: one batch.
        repeats: passes that count; one more comes first to warm up.
    """
    times: dict[str, list[float]] = {name: [] for name in networks}
    modes = {name: network.training for name, network in networks.items()}
    for network in networks.values():
        network.eval()
    for repeat in range(repeats + 1):
        for name, network in networks.items():
            start = perf_counter()
            network(inputs)
            if inputs.is_cuda:
                torch.cuda.synchronize(inputs.device)
            if repeat > 0:
                times[name].append(1000 * (perf_counter() - start))
    for name, network in networks.items():
        network.train(modes[name])
    return {name: round(median(values), 3) for name, values in times.items()}
