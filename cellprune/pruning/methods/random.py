"""Random: keep weights drawn uniformly without replacement, the control that every method has to beat.

Source: Frankle et al., ICLR 2021 (arXiv:2009.08576), "random pruning"; with scope "layer" every layer keeps its share.
Note: which scope the published rows have is not known. The default here is global, as in Synaptic-Flow's code.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from cellprune.pruning.kinds import Batch, Loss
from cellprune.pruning.method import Method
from cellprune.pruning.ranking.units import drawn, given


def sensitivity(
    model: nn.Module, masks: Mapping[str, Tensor], batches: Sequence[Batch], loss: Loss | None, *, seed: int
) -> dict[str, Tensor]:
    """Draw a number in 0..1 for every parameter, from the seed alone, the same on every device.

    Returns:
        Parameter name -> float64, shape of the parameter; float32 has too few values for millions of draws to differ.
    """
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.rand(p.shape, generator=generator, dtype=torch.float64).to(p.device)
        for name, p in model.named_parameters()
    }


METHOD = Method(sensitivity=sensitivity, unit=given, channel=drawn, data_free=True)
