"""The conditions under which a network is scored: its own modes, full precision, and everything put back afterwards."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from cellprune.structure.standing_in import as_it_was


@contextmanager
def untouched(model: nn.Module) -> Iterator[None]:
    """Compute in full precision, in the modes that the modules have; give back all that happens to the network.

    Parameters, buffers and gradients need no putting back: scoring only ever runs the model on stand-ins for them
    (`objective.py`).
    """
    with as_it_was(model), _full_precision(device_of(model).type):
        yield


def reseed(*key: object) -> None:
    """Start every random generator from the key, so that the same step draws the same dropout whenever it is played."""
    drawn = random.Random(repr(key)).getrandbits(32)
    random.seed(drawn)
    np.random.seed(drawn)
    torch.manual_seed(drawn)


def device_of(model: nn.Module) -> torch.device:
    """Give the device of the model's first parameter."""
    return next((parameter.device for parameter in model.parameters()), torch.device("cpu"))


@contextmanager
def _full_precision(device_type: str) -> Iterator[None]:
    """Compute as the dtype says: no autocast, no TF32 or bfloat16 behind a float32 matrix product or convolution."""
    matmul, convolution = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    try:
        with torch.autocast(device_type, enabled=False), torch.autocast("cpu", enabled=False), torch.enable_grad():
            yield
    finally:
        torch.set_float32_matmul_precision(matmul)
        torch.backends.cudnn.allow_tf32 = convolution
