"""Masks to compare with: what is left of a method when its choice within each layer is taken away.

Source: Frankle et al., ICLR 2021 (arXiv:2009.08576): masks shuffled within layers, and kept weights drawn anew.
Note: in a public code that offers it, the shuffled mask is bound to a local name and never used.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from cellprune.pruning.kinds import Masks, Nested
from cellprune.pruning.ranking import whole_channels
from cellprune.structure.layers import weighted_layers
from cellprune.structure.trace import find


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


def shuffled_channels(model: nn.Module, inputs: Nested, masks: Mapping[str, Tensor], seed: int) -> Masks | None:
    """Keep other channels, drawn at random, as many of those that each layer makes first; tied ones stay tied.

    Args:
        model: the network that the masks belong to.
        inputs: one batch of what it takes.
        masks: parameter name -> bool.
        seed: where the draws come from; the same on every device.
    Returns:
        Masks with the same count in every layer; None where the masks do not keep whole channels.
    """
    # what was excluded is in no mask, and stays whole
    channels = find(model, inputs, whole=[name for name in weighted_layers(model) if name not in masks])
    if not channels.count or (kept := whole_channels.kept_by(model, channels, masks)) is None:
        return None
    generator = torch.Generator().manual_seed(seed)
    layers = whole_channels.by_layer(channels, kept).values()
    drawn = [layer[torch.randperm(len(layer), generator=generator)] for layer in layers]
    return whole_channels.masks_of(model, inputs, channels, torch.cat(drawn))
