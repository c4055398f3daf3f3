"""Magnitude at initialization: keep the weights that were drawn large.

Source: Frankle et al., ICLR 2021 (arXiv:2009.08576), "magnitude pruning at initialization".
Note: under an initialization scaled per layer a global ranking is close to a choice of per-layer ratios. Global is the
    default here; scope "layer" is the other variant. The authors' open_lth removes one weight more than asked.
"""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from cellprune.pruning.kinds import Batch, Loss
from cellprune.pruning.method import Method
from cellprune.pruning.ranking.units import magnitude, mean_magnitude


def sensitivity(
    model: nn.Module, masks: Mapping[str, Tensor], batches: Sequence[Batch], loss: Loss | None, *, seed: int
) -> dict[str, Tensor]:
    """Give each parameter as it stands.

    Returns:
        Parameter name -> tensor of the parameter's shape and dtype.
    """
    return {name: p.detach() for name, p in model.named_parameters()}


METHOD = Method(sensitivity=sensitivity, unit=magnitude, channel=mean_magnitude, data_free=True)
