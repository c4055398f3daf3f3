"""SNIP: keep the weights whose removal would move the first loss most.

Source: Lee, Ajanthan, Torr, ICLR 2019 (arXiv:1810.02340), connection sensitivity.
Note: the paper divides by the sum of scores; the order stays the same, so we do not.
"""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from cellprune.pruning.method import Batch, Loss, Method
from cellprune.pruning.objective import Objective
from cellprune.pruning.units import absolute


def sensitivity(
    model: nn.Module, masks: Mapping[str, Tensor], batches: Sequence[Batch], loss: Loss, *, seed: int
) -> dict[str, Tensor]:
    """Weight times gradient at the masked network, signed, for every parameter.

    Args:
        model: network at initialization; it is left as it was.
        masks: parameter name -> bool, the weights still alive (all, in the first round).
        batches: (inputs, target) pairs; the first is used. inputs as the model takes them, target as `loss` expects.
        loss: (output, target) -> scalar, mean over the batch.
        seed: where dropout draws from.
    Returns:
        Parameter name -> float32 or float64, shape of the parameter; a parameter that the loss never sees gets zeros.
    """
    objective = Objective(model, batches, loss, seed)
    return objective.times_weights(objective.gradient(0, objective.start(masks)))


METHOD = Method(sensitivity=sensitivity, unit=absolute, needs_batches=lambda options: 1)
