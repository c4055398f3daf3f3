"""Checks that the masked network still listens to its input, and names the places where it was cut."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from cellprune.errors import TooMuchError
from cellprune.pruning.derivatives.conditions import untouched
from cellprune.pruning.derivatives.objective import Objective, Parameters
from cellprune.pruning.kinds import Batch, Nested
from cellprune.structure.layers import weighted_layers
from cellprune.structure.nested import map_tensors, tensors_of

log = logging.getLogger("cellprune")

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


def check_connected(
    model: nn.Module, masks: Mapping[str, Tensor], batch: Batch, seed: int, *, zeros_may_learn: bool = False
) -> None:
    """Run the masked network on some samples and on other values, and refuse if the output is the same to the bit.

    A network whose output is constant before pruning too (a head that starts at zero) is let through: the masks
    did not cut it.

    Args:
        model, masks, batch: the network, what stays of it, and inputs with their targets.
        seed: where the other values, and dropout, come from.
        zeros_may_learn: play such a network again with other values where it has layers of zeros: masks that take all
            of a head would leave its output constant for ever.
    Raises:
        CutOffError: the masks cut the output off from the input; the message names the places.
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
            if not zeros_may_learn:
                return
            masked = _moved(objectives[0], masks, seed)
            if _varies(objectives, masked) or not _varies(objectives, _moved(objectives[0], {}, seed)):
                return
        cut = _where_cut(objectives, masked)
    where = ", ".join(cut[:_MOST_NAMED]) + f" and {len(cut) - _MOST_NAMED} more" * (len(cut) > _MOST_NAMED)
    raise CutOffError(
        f"after pruning, the output no longer depends on the input; it is cut at {where}: remove less, exclude these "
        f"layers, or give each layer a least share, such as floor=0.02",
        masks,
    )


def _moved(objective: Objective, masks: Mapping[str, Tensor], seed: int) -> Parameters:
    """Give the masked parameters, as training might have moved those that start at zero."""
    generator = torch.Generator().manual_seed(seed)
    values = []
    for name, value in zip(objective.trainable, objective.start({}), strict=True):
        if not value.any():
            value = torch.randn(value.shape, generator=generator).to(value)
        values.append(value.masked_fill(~masks[name].to(value.device), 0.0) if name in masks else value)
    return tuple(values)


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
    if not tensors_of(first):
        log.warning("the network gives %s, in which no tensor is found: whether the masks cut it off from its input "
                    "cannot be checked", type(first).__name__)  # fmt: skip
        return True
    return _differ(first, second)


@dataclass
class _Call:
    """One call of a module: what it was given and what it gave, copied, for the next module may write on it."""

    module: nn.Module
    inputs: Nested
    output: Nested = None


def _where_cut(objectives: list[Objective], parameters: Parameters) -> list[str]:
    """Name the places whose input differs between the two runs while their output does not, as far in as can be seen.

    A layer is named by its weight, another module by its name and kind; where a module cuts by a function of its own
    (F.relu), what stands before that function is named, too.
    """
    model = objectives[0].model
    first, second = (_calls(objective, parameters) for objective in objectives)
    pairs = list(zip(first, second, strict=False))  # a network may call less on other values
    gives = {id(a): _differ(a.output, b.output) for a, b in pairs}
    cuts = [a for a, b in pairs if not gives[id(a)] and _differ(a.inputs, b.inputs)]
    within = {id(cut): set(cut.module.modules()) - {cut.module} for cut in cuts}
    cuts = [cut for cut in cuts if not any(other.module in within[id(cut)] for other in cuts)]
    names = {module: f"{name!r} ({type(module).__name__})" if name else type(module).__name__
             for name, module in model.named_modules()}  # fmt: skip
    names |= {layer: repr(name) for name, layer in weighted_layers(model).items()}
    places = []
    for cut in cuts:
        before = [call.module for call in first if call.module in within[id(cut)] and gives.get(id(call))]
        places.append(f"{names[cut.module]}{f', behind {names[before[-1]]}' if before else ''}")
    return list(dict.fromkeys(places))


def _calls(objective: Objective, parameters: Parameters) -> list[_Call]:
    """Play the batch and note each module's calls, in the order in which they begin."""
    calls: list[_Call] = []
    running: list[_Call] = []

    def begin(module: nn.Module, args: Nested, kwargs: Nested) -> None:
        calls.append(_Call(module, map_tensors(torch.clone, (args, kwargs))))
        running.append(calls[-1])

    def end(module: nn.Module, args: Nested, output: Nested) -> None:
        running.pop().output = map_tensors(torch.clone, output)

    handles: list[RemovableHandle] = []
    for module in objective.model.modules():
        handles += module.register_forward_pre_hook(begin, with_kwargs=True), module.register_forward_hook(end)
    try:
        objective.output(0, parameters)
    finally:
        for handle in handles:
            handle.remove()
    return calls


def _other_values(tensor: Tensor, generator: torch.Generator) -> Tensor:
    """Give values of the same range in another place: noise for real numbers, the reverse order for whole ones."""
    if not tensor.is_floating_point():
        return tensor.flatten().flip(0).view(tensor.shape)
    noise = torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype).to(tensor.device)
    return noise * tensor.std(correction=0).clamp_min(1e-3) + tensor.mean()


def _differ(first: Nested, second: Nested) -> bool:
    ours, theirs = tensors_of(first), tensors_of(second)
    return len(ours) != len(theirs) or any(not torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
