"""GraSP: remove the weights whose removal costs the gradient's norm least, and so the first steps of training.

With g the gradient and H the Hessian at initialization, removing weight q changes |g|^2 by about -2 w_q (H g)_q: kept
are the weights of the largest w * (H g), with their sign. A channel has one gate, and the sum of what the gate scales.

Source: Wang, Zhang, Grosse, ICLR 2020 (arXiv:2002.07376), equations 6 to 8 and algorithm 2: S = -w * (H g), and the
    largest S go; the loss is taken of the logits divided by a temperature of 200, on ten samples of each class.
Note: the public code draws the linear layers of its scoring copy anew, sorts the samples by class before it cuts them
    into halves with batch statistics of their own, and keeps one weight too many. Its g is the sum over halves and
    repetitions and is used with the Hessian of each half. We score the network that will be trained, take the means of
    g and of H g over parts in which every class has its turn, and keep the exact number. A variant that ranks by |S|
    exists and is not this. Maps (segmentation) have no balance of classes: one batch as it stands.
"""

from collections.abc import Mapping, Sequence
from itertools import chain

import torch
from torch import Tensor, nn

from cellprune.errors import CellpruneError
from cellprune.pruning.derivatives import segments as memory
from cellprune.pruning.derivatives.averages import mean, tempered
from cellprune.pruning.derivatives.averages import shares as shares_of
from cellprune.pruning.derivatives.balance import balanced, class_count
from cellprune.pruning.derivatives.batches import Reader
from cellprune.pruning.derivatives.culprit import explained
from cellprune.pruning.derivatives.objective import Objective, Parameters, as_leaves
from cellprune.pruning.derivatives.pull_back import pull_back
from cellprune.pruning.kinds import Batch, Loss, Options, Segments
from cellprune.pruning.method import Method
from cellprune.pruning.prunable import prunable
from cellprune.pruning.ranking.units import gated_with_sign, given

SAMPLES_PER_CLASS = 10


def sensitivity(
    model: nn.Module,
    masks: Mapping[str, Tensor],
    batches: Sequence[Batch],
    loss: Loss,
    *,
    seed: int,
    temperature: float = 200.0,
    samples_per_class: int | None = None,
    micro_batch: int | None = None,
) -> dict[str, Tensor]:
    """Weight times Hessian times gradient, signed: half of what the weight adds to the gradient's squared norm.

    Args:
        model: network at initialization; it is left as it was.
        masks: parameter name -> bool, the weights still alive. Gradient and Hessian are those of these weights alone;
            an empty mapping stands for all prunable ones.
        batches: (inputs, target) pairs; the loss is the mean over all their samples.
        loss: (output, target) -> scalar, mean over the batch.
        seed: where dropout draws from.
        temperature: what the output is divided by before the loss sees it.
        samples_per_class: see `gather`.
        micro_batch: samples a graph; None for whole batches.
    Returns:
        Parameter name -> float32 or float64, shape of the parameter. Those that are not scored, such as a norm's, add
        to no gradient's norm, and have what they change of the others': a channel's gate is one of them.
    Raises:
        CellpruneError: the temperature is not above 0, or a module has no second derivative.
    """
    objective = Objective(model, batches, tempered("grasp", loss, temperature), seed, micro_batch)
    objective.check_micro_batches()
    start, scored = objective.start(masks), set(masks or prunable(model))
    shares = shares_of(batches)

    def only_scored(values: Sequence[Tensor]) -> tuple[Tensor, ...]:
        return tuple(v if name in scored else torch.zeros_like(v)
                     for name, v in zip(objective.trainable, values, strict=True))  # fmt: skip

    gradient = only_scored(mean((objective.gradient(k, start) for k in range(len(batches))), shares))
    with explained(objective, "grasp needs: replace it, or take another method"):
        product = mean((_hessian_times(objective, k, start, gradient) for k in range(len(batches))), shares)
    return objective.times_weights(product)


def gather(model: nn.Module, reader: Reader, options: Options) -> list[Batch]:
    """Choose the samples: as many of each class as `samples_per_class` says, or one batch as it stands.

    Args:
        model: its output tells how many classes there are.
        reader: where the batches come from.
        options: samples_per_class is None for ten where each target is one class, and for the batch as it stands
            elsewhere.
    Raises:
        CellpruneError: balance was asked for of targets without classes, or a class has too few samples.
    """
    first, per_class = reader.take(1)[0], options["samples_per_class"]
    n_classes = _classes(model, first, per_class)
    if n_classes is None:
        return [first]
    return balanced(chain([first], reader.rest()), n_classes, per_class or SAMPLES_PER_CLASS)


def _classes(model: nn.Module, batch: Batch, per_class: int | None) -> int | None:
    if per_class is not None and (isinstance(per_class, bool) or not isinstance(per_class, int) or per_class < 1):
        raise CellpruneError(f"samples_per_class is {per_class!r}, but must be a whole number of at least 1")
    n_classes = class_count(model, batch)
    if n_classes is None and per_class is not None:
        raise CellpruneError(
            f"samples_per_class is {per_class}, but the targets are no classes of whole samples (a map, or a value), "
            f"which cannot be balanced: leave samples_per_class out, and one batch is taken as it stands"
        )
    return n_classes


def _hessian_times(objective: Objective, k: int, start: Parameters, direction: Parameters) -> Parameters:
    leaves = as_leaves(start)
    return pull_back(objective.gradient(k, leaves, graph=True), leaves, direction)


def _segments(model: nn.Module, batch: Batch, loss: Loss, options: Options) -> Segments:
    _classes(model, batch, options["samples_per_class"])
    chosen = memory.choose_segments(model, batch, loss, inner_steps=1, otherwise="take another method")
    return {"micro_batch": chosen["micro_batch"]}


METHOD = Method(
    sensitivity=sensitivity,
    unit=given,
    channel=gated_with_sign,
    needs_batches=lambda options: 1,
    gather=gather,
    choose_segments=_segments,
)
