"""Masks to compare with: what is left of a method when its choice within each layer is taken away.

Source: Frankle et al., ICLR 2021 (arXiv:2009.08576): masks shuffled within layers, and kept weights drawn anew.
Note: in a public code that offers it, the shuffled mask is bound to a local name and never used.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from cellprune.pruning.method import Masks


def shuffled(masks: Mapping[str, Tensor], seed: int) -> Masks:
    """Put each layer's kept weights at random places of the same layer.

    Args:
        masks: parameter name -> bool.
        seed: where the draws come from; the same on every device.
    Returns:
        Masks with the same count in every layer.
    """
    generator = torch.Generator().manual_seed(seed)
    return {
        name: mask.flatten()[torch.randperm(mask.numel(), generator=generator).to(mask.device)].view(mask.shape)
        for name, mask in masks.items()
    }
