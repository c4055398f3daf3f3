"""NTK-SAP: keep the weights that decide how far the output moves with the weights, whatever these are and the data.

With theta drawn anew, x random inputs and delta small random numbers, the score of weight j is |dS / dm_j|, where S is
the mean of ||f(x; theta m) - f(x; (theta + delta) m)||^2 over samples and draws. S estimates the sum of the eigenvalues
of the neural tangent kernel: how fast the network learns.

Source: Wang, Li, Sun, ICLR 2023 (arXiv:2304.02840), NTK-SAP.
Note: five draws a round, delta of standard deviation 0.01 and twenty rounds, as on CIFAR-10 in the public code
    (YiteWang/NTK-SAP). As there, batch norms take the statistics of the random inputs and are held fixed, draws are
    Kaiming's normal ones, and each draw has one batch. The public code removes at a threshold, so that ties remove
    more, and trains the weights of its last draw; we train the network's own.
"""

import random
from collections.abc import Mapping, Sequence
from functools import partial
from numbers import Real

import torch
from torch import Tensor, nn

from cellprune.errors import CellpruneError, WorkError
from cellprune.pruning.derivatives.stood_in_for import played_once, refuse_bypassed
from cellprune.pruning.derivatives.warm import warmed
from cellprune.pruning.kinds import Batch, Loss, Nested
from cellprune.pruning.method import Method
from cellprune.pruning.prunable import multiplying
from cellprune.pruning.ranking.schedule import in_rounds
from cellprune.pruning.ranking.units import absolute
from cellprune.structure.nested import map_tensors, tensors_of
from cellprune.structure.standing_in import copied, standing_in


def sensitivity(
    model: nn.Module,
    masks: Mapping[str, Tensor],
    batches: Sequence[Batch],
    loss: Loss | None,
    *,
    seed: int,
    draws: int = 5,
    perturbation: float = 0.01,
) -> dict[str, Tensor]:
    """The derivative of S by a factor before each weight, signed.

    Args:
        model: any network; it is left as it was, and its weights do not count.
        masks: parameter name -> bool, the weights still alive.
        batches: the first says what a batch looks like; its values are not used.
        loss: not used.
        seed: where weights, inputs and perturbations are drawn from; each round draws others.
        draws: networks drawn, each with a batch of random inputs.
        perturbation: standard deviation of delta.
    Returns:
        Parameter name -> float32 or float64, shape of the parameter; zeros for what is no weight of a layer.
    Raises:
        CellpruneError: an option out of range.
        WorkError: S is NaN or infinite.
    """
    if isinstance(draws, bool) or not isinstance(draws, int) or draws < 1:
        raise CellpruneError(f"draws is {draws!r}, but must be a whole number of at least 1")
    if isinstance(perturbation, bool) or not isinstance(perturbation, Real) or not 0 < perturbation < float("inf"):
        raise CellpruneError(f"perturbation is {perturbation!r}, but must be a number above 0")
    kept = sum(int(mask.sum()) for mask in masks.values())  # tells the rounds apart
    generator = torch.Generator().manual_seed(random.Random(f"{seed} {kept}").getrandbits(63))
    drawn = [name for name in multiplying(model) if model.get_parameter(name).dim() > 1]
    total = {name: torch.zeros_like(copied(p)) for name, p in model.named_parameters()}
    for _ in range(draws):
        for name, slope in _slopes(model, masks, batches[0][0], drawn, generator, perturbation).items():
            total[name].add_(slope, alpha=1 / draws)
    return total


def _slopes(
    model: nn.Module, masks: Mapping[str, Tensor], like: Nested, drawn: Sequence[str], generator: torch.Generator,
    perturbation: float,
) -> dict[str, Tensor]:  # fmt: skip
    """Give dS / dm of one draw, for the weights that were drawn."""
    values = {name: copied(p) for name, p in model.named_parameters()}
    weights = {name: _kaiming(values[name], generator) for name in drawn}
    others = {name: w + perturbation * _normal(w, generator) for name, w in weights.items()}
    inputs = map_tensors(lambda t: _normal(t, generator) if t.is_floating_point() else t, like)
    ours, theirs = (_leaves(each, masks) for each in (weights, others))
    with warmed(model, values | {name: p.detach() for name, p in ours.items()}, [inputs]), played_once(graph=False):
        outputs = [_outputs(model, values | leaves, inputs) for leaves in (ours, theirs)]
        distance = sum((a - b).square().flatten(1).sum(1).mean() for a, b in zip(*outputs, strict=True))
        refuse_bypassed(dict(model.named_parameters()), distance)
        if not distance.isfinite():
            raise WorkError(
                "ntk-sap's random weights and inputs drive the network to NaN or infinity: take another method, or a "
                "network with norms"
            )
        slopes = torch.autograd.grad(distance, [*ours.values(), *theirs.values()], materialize_grads=True)
    by_ours, by_theirs = slopes[: len(drawn)], slopes[len(drawn) :]
    return {n: weights[n] * a + others[n] * b for n, a, b in zip(drawn, by_ours, by_theirs, strict=True)}


def _outputs(model: nn.Module, parameters: Mapping[str, Tensor], inputs: Nested) -> list[Tensor]:
    """Give the real numbers of the output, sample by sample."""
    buffers = {name: copied(buffer) for name, buffer in model.named_buffers()}
    with standing_in(model, {**buffers, **parameters}):
        output = model(inputs)
    if not (shown := [t for t in tensors_of(output) if t.is_floating_point()]):
        raise CellpruneError(f"ntk-sap compares outputs, but {type(output).__name__} shows no tensor: let the network "
                             f"give tensors, or take another method")  # fmt: skip
    return [t if t.dim() > 1 else t.reshape(-1, 1) for t in shown]


def _leaves(weights: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> dict[str, Tensor]:
    masked = {name: w.masked_fill(~masks[name].to(w.device), 0.0) if name in masks else w.clone()
              for name, w in weights.items()}  # fmt: skip
    return {name: w.requires_grad_() for name, w in masked.items()}


def _kaiming(like: Tensor, generator: torch.Generator) -> Tensor:
    """Draw a weight by Kaiming's normal distribution for ReLU, by the numbers that go into an output."""
    fan_in, _ = nn.init._calculate_fan_in_and_fan_out(like)
    return _normal(like, generator) * (2 / fan_in) ** 0.5


def _normal(like: Tensor, generator: torch.Generator) -> Tensor:
    """Draw standard normal numbers, the same on every device."""
    return torch.randn(like.shape, generator=generator).to(like)


METHOD = Method(
    sensitivity=sensitivity,
    unit=absolute,
    needs_batches=lambda options: 1,
    data_free=True,
    schedule=partial(in_rounds, rounds=20),
)
