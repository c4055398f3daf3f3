"""HTS: keep the weights that matter most to the loss by its first two derivatives, the second by random probes.

The score of a weight is |w g + w^2 h / 2|, with g its gradient and h its entry on the diagonal of the Hessian, which is
estimated as the mean of z * (H z) over probes z of random signs (Hutchinson). Batch norms are warmed up first: they
take the statistics of the scoring samples, and the network is scored in evaluation mode.

Source: Gollini Navarrete, Cuadrado Avila, Takac, Horvath, 2025 (arXiv:2502.11450), Hutchinson-Taylor sensitivity.
Note: removing a weight would change the loss by -w g + w^2 h / 2; the paper and its public code
    (Gollini/Scalable_Second_Order_PaI, hutchinson_taylor) add the two terms, and so do we. As there, ten probes, ten
    samples of each class, and a temperature of 200. Their warm-up passes once over the training data, with the norm's
    momentum; ours takes the mean over the samples that are scored. Their rows of SynFlow remove nearly all weights in
    the first round, so they are not those of SynFlow's paper.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext

import torch
from torch import Tensor, nn

from cellprune.errors import CellpruneError
from cellprune.pruning.derivatives.averages import mean, shares, tempered
from cellprune.pruning.derivatives.culprit import explained
from cellprune.pruning.derivatives.objective import Objective, Parameters, as_leaves
from cellprune.pruning.derivatives.pull_back import pull_back
from cellprune.pruning.derivatives.warm import warmed
from cellprune.pruning.kinds import Batch, Loss
from cellprune.pruning.method import Method
from cellprune.pruning.methods.grasp import gather
from cellprune.pruning.ranking.units import absolute
from cellprune.structure.standing_in import copied


def sensitivity(
    model: nn.Module,
    masks: Mapping[str, Tensor],
    batches: Sequence[Batch],
    loss: Loss,
    *,
    seed: int,
    probes: int = 10,
    warm_up: bool = True,
    temperature: float = 200.0,
    samples_per_class: int | None = None,
) -> dict[str, Tensor]:
    """First and second term of the loss in each weight, added, signed.

    Args:
        model: network at initialization; it is left as it was.
        masks: parameter name -> bool, the weights still alive.
        batches: (inputs, target) pairs; the loss is the mean over all their samples.
        loss: (output, target) -> scalar, mean over the batch.
        seed: where probes and dropout draw from.
        probes: random vectors of signs on each batch.
        warm_up: score in evaluation mode with the statistics of the batches; False: each module in its own mode.
        temperature: what the output is divided by before the loss sees it.
        samples_per_class: see `grasp.gather`.
    Returns:
        Parameter name -> float32 or float64, shape of the parameter; a parameter that the loss never sees gets zeros.
    Raises:
        CellpruneError: an option out of range, or a module has no second derivative.
    """
    if isinstance(probes, bool) or not isinstance(probes, int) or probes < 1:
        raise CellpruneError(f"probes is {probes!r}, but must be a whole number of at least 1")
    objective = Objective(model, batches, tempered("hts", loss, temperature), seed)
    start = objective.start(masks)
    values = objective.fixed | dict(zip(objective.trainable, start, strict=True))
    generator = torch.Generator().manual_seed(seed)
    with warmed(model, values, [inputs for inputs, _ in batches]) if warm_up else nullcontext():
        gradient = mean((objective.gradient(k, start) for k in range(len(batches))), shares(batches))
        with explained(objective, "hts needs: replace it, or take another method"):
            diagonal = mean(
                (_diagonal(objective, k, start, probes, generator) for k in range(len(batches))), shares(batches)
            )
    weights = [copied(p) for p in objective.trainable.values()]
    return objective.times_weights(tuple(g + w * h / 2 for g, w, h in zip(gradient, weights, diagonal, strict=True)))


def _diagonal(objective: Objective, k: int, start: Parameters, probes: int, generator: torch.Generator) -> Parameters:
    """Estimate the Hessian's diagonal on one batch."""
    leaves = as_leaves(start)
    gradient = objective.gradient(k, leaves, graph=True)
    total = [torch.zeros_like(p) for p in leaves]
    for _ in range(probes):
        signs = [_signs(p, generator) for p in leaves]
        product = pull_back(gradient, leaves, signs, again=True)
        total = [t.add_(z * h) for t, z, h in zip(total, signs, product, strict=True)]
    return tuple(t / probes for t in total)


def _signs(like: Tensor, generator: torch.Generator) -> Tensor:
    """Draw +1 or -1 for every entry, the same on every device."""
    return (2.0 * torch.randint(0, 2, like.shape, generator=generator) - 1).to(like)


METHOD = Method(sensitivity=sensitivity, unit=absolute, needs_batches=lambda options: 1, gather=gather)
