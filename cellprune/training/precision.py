"""The number format of training steps: resolved for a device, with a warning where bf16 is the slower one."""

from functools import cache
from time import perf_counter

import torch
from torch.nn.functional import conv2d

from cellprune.errors import CellpruneError
from cellprune.runs import log

_SLOWER = 1.1  # times as long: closer than that, two timings of one thing differ, too
_CALLS = 5


def precision(choice: str, device: torch.device) -> str:
    """Resolve "auto" to fp32 on a CPU, bf16 on a GPU that has it; warn where bf16 is computed, but slowly.

    Raises:
        CellpruneError: bf16 is asked for and the GPU has none.
    """
    has_bf16 = device.type == "cpu" or (device.type == "cuda" and torch.cuda.is_bf16_supported())
    if choice == "auto":
        return "bf16" if device.type == "cuda" and has_bf16 else "fp32"
    if choice == "bf16" and not has_bf16:
        raise CellpruneError(f"--precision bf16: this {device.type} device computes no bf16: use --precision fp32")
    if choice == "bf16" and bf16_is_slow(device):
        log.LOGGER.warning(
            f"--precision bf16: a convolution takes {bf16_over_fp32():.2g} times as long in bf16 as in fp32 on this "
            "processor, so fp32 is faster"
        )
    return choice


def bf16_is_slow(device: torch.device) -> bool:
    """Whether bf16 takes longer than fp32, as on CPUs that have no instructions for it, or slow ones."""
    return device.type == "cpu" and bf16_over_fp32() > _SLOWER


@cache
def bf16_over_fp32() -> float:
    """Time a convolution on this CPU in bf16 and in fp32, in turn, in some 30 ms: how many times as long bf16 takes.

    What the processor says of itself is not enough: of two that have AVX-512 with bf16, one was twice as fast in it,
    and the other took 1.8 times as long (docs/results/machine.md).
    """
    weight, images = torch.ones(64, 64, 3, 3), torch.ones(1, 64, 64, 64)  # no draws, which would change what follows
    times: dict[bool, list[float]] = {True: [], False: []}
    with torch.no_grad():
        for _ in range(_CALLS):
            for in_bf16, taken in times.items():
                begun = perf_counter()
                with torch.autocast("cpu", torch.bfloat16, enabled=in_bf16):
                    conv2d(images, weight, padding=1)
                taken.append(perf_counter() - begun)
    return min(times[True]) / min(times[False])
