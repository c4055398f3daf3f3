"""ProsPr: keep the weights whose removal would move the loss most after the first steps of training.

Source: Alizadeh et al., ICLR 2022 (arXiv:2202.08132), equation 5 and algorithm 1: the gate c multiplies the initial
    weights alone, M steps of SGD follow on fresh batches, and the score is |dL_M / dc| at c = 1.
Note: nothing of the inner training is kept; the pruned network trains from its initial weights. The public code's
    defaults are these (command line) or inner_lr 0.5 and inner_momentum 0.9 (its README). By default its command line
    takes one batch for all steps; it keeps ceil(d (1 - r)) of d weights, and aborts when a layer loses all of its own.
    With momentum it loses the first step's Hessian, as `detach_first_gradient` does on request (`metagradient.py`). We
    take a fresh batch a step, round to the nearest count, and only report such a layer.
"""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from cellprune.pruning.derivatives.metagradient import InnerTraining, Order, meta_gradient
from cellprune.pruning.derivatives.objective import Objective
from cellprune.pruning.derivatives.segments import choose_segments
from cellprune.pruning.kinds import Batch, Loss, Options, Segments
from cellprune.pruning.method import Method
from cellprune.pruning.ranking.units import absolute, gated


def sensitivity(
    model: nn.Module,
    masks: Mapping[str, Tensor],
    batches: Sequence[Batch],
    loss: Loss,
    *,
    seed: int,
    inner_steps: int = 3,
    inner_lr: float = 0.1,
    inner_momentum: float = 0.0,
    order: Order = "full",
    detach_first_gradient: bool = False,
    segment: int | None = None,
    micro_batch: int | None = None,
) -> dict[str, Tensor]:
    """Initial weight times meta-gradient, signed, for every parameter: dL_M / dc entry by entry.

    Args:
        model: network at initialization; it is left as it was.
        masks: parameter name -> bool, the weights still alive.
        batches: inner_steps + 1 pairs (inputs, target): one a step, the last for the outer loss.
        loss: (output, target) -> scalar, mean over the batch.
        seed: where dropout draws from.
        inner_steps: M; 0 gives SNIP.
        inner_lr: learning rate of the inner SGD.
        inner_momentum: momentum of the inner SGD, exact through the recursion.
        order: "full" is exact; "first" leaves second derivatives out.
        detach_first_gradient: the public code's treatment of the first momentum buffer, for replication.
        segment: inner steps whose graph is kept at once; None chooses by the memory that is free (`choose_segments`).
        micro_batch: samples a graph; None for whole batches, or what `choose_segments` finds if segment is None too.
    Returns:
        Parameter name -> float32 or float64, shape of the parameter; a parameter that the loss never sees gets zeros.
    """
    inner = InnerTraining(inner_steps, inner_lr, inner_momentum, detach_first_gradient)
    if order == "full" and inner_steps and segment is None:
        chosen = choose_segments(model, batches[0], loss, inner_steps=inner_steps)
        segment, micro_batch = chosen["segment"], micro_batch or chosen["micro_batch"]
    objective = Objective(model, batches[: inner_steps + 1], loss, seed, micro_batch)
    return objective.times_weights(meta_gradient(objective, masks, inner, order=order, segment=segment))


def _needs_batches(options: Options) -> int:
    return InnerTraining(options["inner_steps"], options["inner_lr"]).steps + 1


def _segments(model: nn.Module, batch: Batch, loss: Loss, options: Options) -> Segments:
    if options["order"] == "first" or options["inner_steps"] == 0 or options["segment"] is not None:
        return {}
    return choose_segments(model, batch, loss, inner_steps=options["inner_steps"])


METHOD = Method(
    sensitivity=sensitivity, unit=absolute, channel=gated, needs_batches=_needs_batches, choose_segments=_segments
)
