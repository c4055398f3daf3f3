"""Compares a network with the smaller one that was made of it, layer by layer, on numbers that hide nothing."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cellprune.errors import CellpruneError
from cellprune.structure.channels import NORMS, Channels, stays
from cellprune.structure.layers import weighted_layers
from cellprune.structure.nested import map_tensors, tensors_of
from cellprune.structure.standing_in import as_it_was, full, looking
from cellprune.wording import reason

_TOLERANCE = 1e-4  # of the largest number, in float32: sums in another order
_TOLERANCE_64 = 1e-9


def random_inputs(inputs: object, *, times: int = 1) -> object:
    """Draw one sample of what a network takes; whole numbers stay as they are.

    Args:
        inputs: what it takes.
        times: how many times as large the maps are, along each axis after the channels.
    """
    generator = torch.Generator().manual_seed(0)

    def draw(tensor: Tensor) -> Tensor:
        sample = full(tensor[:1]).detach()
        if not sample.is_floating_point():
            return sample
        size = [*sample.shape[:2], *(times * n for n in sample.shape[2:])]
        return torch.randn(size, generator=generator).to(sample)

    return map_tensors(draw, inputs)


def drawn(tensors: Mapping[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """Draw values for parameters and statistics as if after a training: none is zero, and no two channels are alike.

    Args:
        tensors: name of a parameter or buffer of the model -> one of its shape and kind.
        model: tells what is a norm's.
    """
    generator = torch.Generator().manual_seed(0)
    names = {id(t): name for name, t in [*model.named_parameters(), *model.named_buffers()]}
    positive = {
        names[id(getattr(module, key))]
        for module in model.modules()
        for key in ("weight", "running_var")
        if isinstance(module, NORMS) and isinstance(getattr(module, key, None), Tensor)
    }
    parameters = dict(model.named_parameters()).keys()
    values = dict(tensors)
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and (name in parameters or name.endswith(("running_mean", "running_var"))):
            fan_in = tensor[:1].numel() if tensor.dim() > 1 else 1
            value = torch.randn(tensor.shape, generator=generator, dtype=torch.float64).to(tensor) / fan_in**0.5
            values[name] = 0.5 + value.abs() if name in positive else value
    return values


@dataclass(frozen=True)
class Standing:
    """A network and what stands in for its tensors."""

    network: nn.Module
    tensors: Mapping[str, Tensor]


def require_same(
    whole: Standing, small: Standing, inputs: object, channels: Channels, kept: Tensor, same: Tensor
) -> None:
    """Refuse a smaller network that does not do what the whole one does, in evaluation mode.

    Args:
        whole: the network; what it makes of the removed channels is zero, or makes no difference.
        small: the smaller one.
        inputs: what both take.
        channels: of the whole network.
        kept: (channels.count,) bool, the channels of the smaller one.
        same: (channels.count,) bool, those of them that must be the same in both.
    Raises:
        CellpruneError: the smaller network fails, or differs; names the first module that does.
    """
    name = type(whole.network).__name__
    with as_it_was(whole.network), as_it_was(small.network):  # they may share what cannot be copied
        inside: list[str] = []
        ours = _run(whole, inputs, inside)
        inside.clear()
        try:
            theirs = _run(small, inputs, inside)
        except Exception as error:
            where = f"module {inside[-1]!r} of {name}" if inside and inside[-1] else name
            raise CellpruneError(
                f"{where} names a number of its channels, and fails without some of them ({reason(error)}): "
                f"{name} cannot be made smaller; train it with its masks"
            ) from error
        if not all(map(_are_equal, ours, theirs)):
            first = _first_that_differs(whole, small, inputs, channels, kept, same)
            raise CellpruneError(
                f"{name} cannot be made smaller: {first} would give other numbers than under the masks; train it with "
                f"its masks"
            )


def _run(of: Standing, inputs: object, inside: list[str]) -> list[Tensor]:
    """Give the outputs; `inside` names the modules that the pass is in, also where it fails."""

    def leaves(module: nn.Module, args: object, output: object) -> None:
        inside.pop()

    with looking(of.network, of.tensors):
        for name, module in of.network.named_modules():
            module.register_forward_pre_hook(lambda module, args, name=name: inside.append(name))
            module.register_forward_hook(leaves)
        return tensors_of(of.network(inputs))


def _first_that_differs(
    whole: Standing, small: Standing, inputs: object, channels: Channels, kept: Tensor, same: Tensor
) -> str:
    ours, theirs = _layers(whole, inputs), dict(_layers(small, inputs))
    for name, made in ours:
        if (less := theirs.get(name)) is None:
            continue  # it went with its level
        axis = 1 if less.dim() > 2 else less.dim() - 1
        stay, equal = (stays(channels.makes[name], some) for some in (kept, same))
        made, equal = _at(made, axis, stay), equal[stay]
        if made.shape != less.shape or not _are_equal(_at(made, axis, equal), _at(less, axis, equal)):
            return repr(name.removesuffix(".weight"))
    return "what follows its last layer"


def _at(tensor: Tensor, axis: int, positions: Tensor) -> Tensor:
    return tensor.index_select(axis, positions.nonzero().squeeze(1).to(tensor.device))


def _layers(of: Standing, inputs: object) -> list[tuple[str, Tensor]]:
    """Pair the weight of each layer with what the layer gives, in the order of the calls."""
    outputs: list[tuple[str, Tensor]] = []
    with looking(of.network, of.tensors):
        names = {id(layer.weight): name for name, layer in weighted_layers(of.network).items()}
        for module in of.network.modules():
            if (name := names.get(id(module._parameters.get("weight")))) is not None:
                module.register_forward_hook(lambda module, args, output, name=name: outputs.append((name, output)))
        of.network(inputs)
    return outputs


def _are_equal(ours: Tensor, theirs: Tensor) -> bool:
    if ours.shape != theirs.shape:
        return False
    tolerance = _TOLERANCE_64 if ours.dtype == torch.float64 else _TOLERANCE
    finite = ours[ours.isfinite()]
    most = float(finite.abs().max()) if finite.numel() else 0.0
    alike = ((ours - theirs).abs() <= tolerance * most) | (ours == theirs) | (ours.isnan() & theirs.isnan())
    return bool(alike.all())
