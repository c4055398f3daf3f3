"""Devices and several processes: accelerate's business, asked for in one place."""

import os
import re

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
