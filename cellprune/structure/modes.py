"""Train or eval is a matter of each module by itself: a frozen batch norm is in eval inside a network that trains."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put the whole network into evaluation mode, and each of its modules back into its own, errors or not."""
    modes = {module: module.training for module in model.modules()}
    try:
        model.eval()
        yield
    finally:
        for module, training in modes.items():
            module.training = training  # not module.train(): that would take its children along
