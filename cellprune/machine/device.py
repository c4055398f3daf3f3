"""Which device a network runs on, by the name that a user gives."""

import torch

from cellprune.errors import CellpruneError


def choose(device: str) -> str:
    """Give the type of device: "cuda", "mps" or "cpu"; of "auto" the first of these that is here.

    Raises:
        CellpruneError: this machine has no such device.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    here = [name for name, is_here in available.items() if is_here]
    if device == "auto":
        return here[0]
    if device not in here:
        raise CellpruneError(
            f"--device {device}: torch finds no such device here (it has: {', '.join(here)}): remove --device"
        )
    return device
