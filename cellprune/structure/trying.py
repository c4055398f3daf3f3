"""Runs a layer by itself, on numbers of our own, to see what it does with its weight."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from cellprune.structure.standing_in import looking


@contextmanager
def tried_out(layer: nn.Module) -> Iterator[None]:
    """Let a layer run by itself as `looking` does, the same draws every time, and nobody who listens hears of it.

    The hooks by which torch computes weights stay, and no others.

    Raises:
        CellpruneError: the layer has no values yet.
    """
    with looking(layer):  # which puts hooks and the random generators back, too
        torch.manual_seed(0)
        for key, hook in [*layer._forward_pre_hooks.items()]:
            if not type(hook).__module__.startswith("torch.nn."):
                del layer._forward_pre_hooks[key]
        for hooks in (layer._forward_hooks, layer._backward_hooks, layer._backward_pre_hooks):
            hooks.clear()
        yield
