"""Batch-norm statistics that belong to the weights they stand beside.

With small batches the running averages lag behind the weights: they then say more about the last few batches than the
network does. So they are made anew, as the plain mean over the training part, before every evaluation.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from cellprune.structure.modes import evaluating


@torch.no_grad()
def reestimate(model: nn.Module, batches: Iterable[tuple[Tensor, object]]) -> None:
    """Set every batch norm's running mean and variance to the cumulative mean over `batches`.

    Args:
        model: changed in its running statistics only; the mode of every module is as before.
        batches: of the training part, not augmented, in a fixed order: (N, C, H, W) images, on any device, and their
            targets, which are not read.
    """
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    device = next(model.parameters()).device
    with evaluating(model):
        try:
            for norm in norms:
                norm.reset_running_stats()
                norm.momentum = None  # cumulative mean
                norm.train()
            for images, _ in batches:
                model(images.to(device))
        finally:
            for norm, momentum in zip(norms, momenta, strict=True):
                norm.momentum = momentum
