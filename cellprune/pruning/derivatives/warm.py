"""Batch norms that normalize by the statistics of given inputs, in evaluation mode: a norm that no batch moves."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from cellprune.pruning.kinds import Nested
from cellprune.structure.standing_in import copied, standing_in


@contextmanager
def warmed(model: nn.Module, parameters: Mapping[str, Tensor], inputs: Sequence[Nested]) -> Iterator[None]:
    """Give each batch norm that would learn statistics those of the inputs, then put the network into evaluation mode.

    A norm that is in evaluation mode already keeps its own. Afterwards modes and statistics are as they were.

    Args:
        model: the network.
        parameters: name -> value with which the network runs on the inputs; all of them, in full precision.
        inputs: batches as the network takes them; of several the mean of their statistics is taken.
    """
    with standing_in(model, {name: copied(buffer) for name, buffer in model.named_buffers()}):
        for norm in model.modules():
            if isinstance(norm, _BatchNorm) and norm.training and norm.track_running_stats:
                norm.reset_running_stats()
                norm.momentum = None  # a plain mean over the batches, not one that forgets the first
        with torch.no_grad(), standing_in(model, parameters):
            for batch in inputs:
                model(batch)
        modes = {module: module.training for module in model.modules()}
        try:
            for module in modes:
                module.training = False  # not eval(), on which adapters merge their weights
            yield
        finally:
            for module, training in modes.items():
                module.training = training
