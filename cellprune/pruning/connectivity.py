"""Checks that the masked network still listens to its input, and names the layers where it was cut."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from cellprune.errors import TooMuchError
from cellprune.pruning.method import Batch
from cellprune.pruning.objective import Objective, Parameters
from cellprune.pruning.scoring import map_tensors, tensors_of, untouched
from cellprune.structure.layers import weighted_layers

_MOST_NAMED = 3  # layers in a message
_SAMPLES = 8  # as many as show a dependence; with two, batch norm over one value a sample leaves signs only


class CutOffError(TooMuchError):
    """Masks that leave no path from the input to the output.

    Attributes:
        masks: the refused ones, for whoever only counts what they keep.
    """

    def __init__(self, message: str, masks: Mapping[str, Tensor] | None = None) -> None:
        super().__init__(message)
        self.masks = dict(masks or {})


def check_connected(model: nn.Module, masks: Mapping[str, Tensor], batch: Batch, seed: int) -> None:
    """Run the masked network on some samples and on other values, and refuse if the output is the same to the bit.

    A network whose output is constant before pruning too (a head that starts at zero) is let through: the masks
    did not cut it.

    Raises:
        CutOffError: the masks cut the output off from the input; the message names the layers.
    """
    inputs, target = _few_samples(batch)
    generator = torch.Generator().manual_seed(seed)
    pair = [(inputs, target), (map_tensors(lambda t: _other_values(t, generator), inputs), target)]
    with untouched(model), torch.no_grad():
        # each input plays as batch 0 of its own objective, so that dropout draws the same for both
        objectives = [Objective(model, [b], lambda output, target: output, seed) for b in pair]
        if _varies(objectives, masked := objectives[0].start(masks)):
            return
        if not _varies(objectives, objectives[0].start({})):
            return
        cut = _where_cut(objectives, masked)
    where = ", ".join(map(repr, cut[:_MOST_NAMED])) + f" and {len(cut) - _MOST_NAMED} more" * (len(cut) > _MOST_NAMED)
    raise CutOffError(
        f"after pruning, the output no longer depends on the input; it is cut at {where}: remove less, exclude these "
        f"layers, or give each layer a least share, such as floor=0.02",
        masks,
    )


def _few_samples(batch: Batch) -> Batch:
    """Cut the batch short where it is plain how: so the check costs little beside the scoring."""
    inputs, target = batch
    if (
        isinstance(inputs, Tensor)
        and isinstance(target, Tensor)
        and inputs.ndim
        and inputs.shape[:1] == target.shape[:1]
    ):
        return inputs[:_SAMPLES], target[:_SAMPLES]
    return batch


def _varies(objectives: list[Objective], parameters: Parameters) -> bool:
    first, second = (objective.output(0, parameters)[0] for objective in objectives)
    return _differ(first, second)


def _where_cut(objectives: list[Objective], parameters: Parameters) -> list[str]:
    """Name the layers whose input differs between the two runs while their output does not."""
    layers = weighted_layers(objectives[0].model)
    names = {layer: name for name, layer in layers.items()}
    runs: list[dict[str, tuple[Any, Any]]] = []
    handles = [
        layer.register_forward_hook(lambda layer, args, output: runs[-1].update({names[layer]: (args, output)}))
        for layer in names
    ]
    try:
        for objective in objectives:
            runs.append({})
            objective.output(0, parameters)
    finally:
        for handle in handles:
            handle.remove()
    first, second = runs
    return [name for name in first if _differ(first[name][0], second[name][0])
            and not _differ(first[name][1], second[name][1])] or list(first)  # fmt: skip


def _other_values(tensor: Tensor, generator: torch.Generator) -> Tensor:
    """Give values of the same range in another place: noise for real numbers, the reverse order for whole ones."""
    if not tensor.is_floating_point():
        return tensor.flatten().flip(0).view(tensor.shape)
    noise = torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype).to(tensor.device)
    return noise * tensor.std(correction=0).clamp_min(1e-3) + tensor.mean()


def _differ(first: Any, second: Any) -> bool:
    pairs = zip(tensors_of(first), tensors_of(second), strict=True)
    return any(not torch.equal(a, b) for a, b in pairs)
