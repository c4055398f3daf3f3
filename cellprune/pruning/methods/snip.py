"""SNIP: keep the weights whose removal would move the first loss most; by channel and cost, 3SP; in rounds, FORCE.

Iterative SNIP scores what is left, round after round on a fresh batch; what is removed stays so. FORCE scores removed
weights, too, by their initial value and the gradient at the pruned network, and lets them return. 3SP is SNIP on gates
of whole channels, divided by the multiply-adds that go with a channel.

Source: Lee, Ajanthan, Torr, ICLR 2019 (arXiv:1810.02340), connection sensitivity. De Jorge et al., ICLR 2021
    (arXiv:2006.09081): iterative SNIP, and FORCE, equations 7 to 9. Van Amersfoort et al., 2020 (arXiv:2007.00389),
    compute-aware 3SP; no public code is known, so the place of the gates and the counting of costs are our choice.
Note: the SNIP paper divides by the sum of scores; the order stays the same, so we do not. Public codes score weights
    other than those that are trained (mi-lad/snip, where ties also keep more; snip-public, which prunes biases, too),
    score in eval mode and divide by the loss (SNIP-it), or balance the classes (sanity-checking-pruning); we score the
    network that will be trained, each module in the mode that it has, on a batch as it comes.
    FORCE's public code has ten rounds by default and sixty in its example; so many we take. It averages up to forty
    batches a round, more for larger data; we read one. The iterative SNIP of effective-sparsity has 300 rounds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from torch import Tensor, nn

from cellprune.pruning.derivatives.objective import Objective
from cellprune.pruning.kinds import Batch, Loss
from cellprune.pruning.method import Method
from cellprune.pruning.ranking.revival import anything
from cellprune.pruning.ranking.schedule import in_rounds
from cellprune.pruning.ranking.units import absolute, gated


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


METHOD = Method(sensitivity=sensitivity, unit=absolute, channel=gated, needs_batches=lambda options: 1)
ITERATIVE = replace(METHOD, channel=None, schedule=partial(in_rounds, rounds=60))
FORCE = replace(ITERATIVE, candidates=anything)
