"""Chooses the same number of samples of every class from batches as they come."""

from collections.abc import Iterable
from itertools import islice

import torch
from torch import Tensor, nn

from cellprune.errors import CellpruneError
from cellprune.pruning.derivatives.conditions import untouched
from cellprune.pruning.derivatives.objective import Objective
from cellprune.pruning.kinds import Batch
from cellprune.structure.nested import tensors_of

_MOST_NAMED = 5  # classes in a message
LIMIT = 1000  # batches read at most, so that an endless source that lacks a class comes to an end


def class_count(model: nn.Module, batch: Batch) -> int | None:
    """Give the number of classes where each sample has one class for its target; None for maps, values and the like.

    Args:
        model: gives (N, classes) then, and no other tensor.
        batch: inputs and, then, (N,) whole numbers.
    """
    inputs, target = batch
    if not isinstance(inputs, Tensor) or not isinstance(target, Tensor) or target.dim() != 1:
        return None
    if target.is_floating_point() or target.is_complex():
        return None
    with untouched(model), torch.no_grad():
        objective = Objective(model, [batch], lambda output, target: output, seed=0)
        output, _ = objective.output(0, objective.start({}))
    outputs = tensors_of(output)
    return outputs[0].shape[1] if len(outputs) == 1 and outputs[0].dim() == 2 else None


def balanced(batches: Iterable[Batch], n_classes: int, per_class: int) -> list[Batch]:
    """Take the first samples of each class, in parts no larger than the batches they come from.

    Args:
        batches: ((N, ...) inputs, (N,) class indices); other indices than 0..n_classes - 1 are passed over.
        n_classes: classes that must be there.
        per_class: samples of each.
    Returns:
        Batches of n_classes * per_class samples together; the classes take turns, so that no part lacks one that fits.
    Raises:
        CellpruneError: a class has too few samples; the message says which.
    """
    samples_of: list[list[Batch]] = [[] for _ in range(n_classes)]
    sizes: list[int] = []
    for inputs, target in islice(batches, LIMIT):
        sizes.append(len(target))
        for i, label in enumerate(target.tolist()):
            if 0 <= label < n_classes and len(samples_of[label]) < per_class:
                samples_of[label].append((inputs[i], target[i]))
        if all(len(samples) == per_class for samples in samples_of):
            break
    else:
        few = [f"{len(samples)} of class {c}" for c, samples in enumerate(samples_of) if len(samples) < per_class]
        lacking = ", ".join(few[:_MOST_NAMED]) + f" and few of {len(few) - _MOST_NAMED} more" * (len(few) > _MOST_NAMED)
        raise CellpruneError(
            f"{per_class} samples of each of {n_classes} classes are needed, but {len(sizes)} batch"
            f"{'' if len(sizes) == 1 else 'es'} held {lacking}: give more batches, or a smaller samples_per_class"
        )
    in_turn = [sample for turn in zip(*samples_of, strict=True) for sample in turn]
    inputs, target = (torch.stack(column) for column in zip(*in_turn, strict=True))
    n_parts = -(-len(target) // max(sizes))
    return list(zip(inputs.tensor_split(n_parts), target.tensor_split(n_parts), strict=True))
