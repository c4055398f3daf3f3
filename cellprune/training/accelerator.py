"""Devices, precision and several processes: accelerate's business, asked for in one place."""

import os
import re

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from cellprune.errors import CellpruneError
from cellprune.machine import environment
from cellprune.machine.device import choose
from cellprune.runs import log
from cellprune.wording import quoted, reason

_LAUNCH = ("WORLD_SIZE", "RANK", "LOCAL_WORLD_SIZE", "LOCAL_RANK")  # variables of whatever starts several processes


def start(device: str) -> Accelerator:
    """Give the accelerator for a device: "auto", "cpu", "cuda" or "mps".

    Under `torchrun` or `accelerate launch` it joins the other processes; each trains on its share of every batch. What
    else accelerate would read from the environment counts for nothing; see `cellprune.machine.environment`.

    Raises:
        CellpruneError: this machine has no such device, or the environment speaks of other processes that cannot be.
    """
    _refuse_launch()
    for line in environment.settle():  # of a program that calls us; the command line has done so before
        log.LOGGER.warning(line)
    device = choose(device)
    if AcceleratorState._shared_state and AcceleratorState().num_processes == 1:
        AcceleratorState._reset_state(reset_partial_state=True)  # an earlier run in this process chose for itself
    try:
        accelerator = Accelerator(cpu=device == "cpu", mixed_precision="no", gradient_accumulation_steps=1)
    except ValueError as error:  # as where a variable is left over from another program
        raise CellpruneError(
            f"the environment speaks of several processes, which cannot find each other ({reason(error)}): start them "
            "by torchrun, or unset $WORLD_SIZE"
        ) from error
    if accelerator.device.type != device:
        raise CellpruneError(f"--device {device}: accelerate chose {accelerator.device.type}: remove --device")
    return accelerator


def _refuse_launch() -> None:
    """Refuse a variable that is no number: one library or another would fail on it, perhaps after the training."""
    for name in _LAUNCH:
        if not re.fullmatch("-?[0-9]+", value := os.environ.get(name, "0")):
            raise CellpruneError(
                f"the environment variable ${name} is {quoted(value)}, and must be a whole number: start the processes "
                "by torchrun, or unset it"
            )


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
            "--precision bf16: this processor has no AVX-512, without which bf16 is many times slower than fp32"
        )
    return choice


def bf16_is_slow(device: torch.device) -> bool:
    """Whether bf16 is many times slower than fp32: on x86 without AVX-512 (33 times, docs/results/machine.md)."""
    return device.type == "cpu" and torch.backends.cpu.get_cpu_capability() == "AVX2"
