"""Devices, precision and several processes: accelerate's business, asked for in one place."""

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from cellprune.errors import CellpruneError
from cellprune.machine import environment
from cellprune.machine.device import choose
from cellprune.runs import log


def start(device: str) -> Accelerator:
    """Give the accelerator for a device: "auto", "cpu", "cuda" or "mps".

    Under `torchrun` or `accelerate launch` it joins the other processes; each trains on its share of every batch. What
    else accelerate would read from the environment counts for nothing; see `cellprune.machine.environment`.

    Raises:
        CellpruneError: this machine has no such device.
    """
    for line in environment.settle():  # of a program that calls us; the command line has done so before
        log.LOGGER.warning(line)
    device = choose(device)
    if AcceleratorState._shared_state and AcceleratorState().num_processes == 1:
        AcceleratorState._reset_state(reset_partial_state=True)  # an earlier run in this process chose for itself
    accelerator = Accelerator(cpu=device == "cpu", mixed_precision="no", gradient_accumulation_steps=1)
    if accelerator.device.type != device:
        raise CellpruneError(f"--device {device}: accelerate chose {accelerator.device.type}: remove --device")
    return accelerator


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
