"""Finds the module whose kernel cannot be differentiated twice, so that the error can name it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from cellprune.errors import CellpruneError
from cellprune.pruning.objective import Objective
from cellprune.pruning.scoring import map_tensors, tensors_of

_COMPLAINT = re.compile(r"not implemented|differentiate twice|once_differentiable|double.?backward", re.IGNORECASE)


@contextmanager
def explained(objective: Objective) -> Iterator[None]:
    """Turn autograd's complaint about a missing second derivative into an error that names the module at fault."""
    try:
        yield
    except (RuntimeError, NotImplementedError) as error:
        if not _COMPLAINT.search(str(error)):
            raise
        raise CellpruneError(
            f"{_culprit(objective)} has no second derivative here ({str(error).splitlines()[0][:120]}), which "
            f"order='full' needs: replace it, or take order='first' (--set pruning.order=first)"
        ) from error


def _culprit(objective: Objective) -> str:
    """Differentiate each module twice on the input that it gets, inner modules before those that hold them."""
    inputs: dict[nn.Module, tuple[tuple[Any, ...], dict[str, Any]]] = {}

    def remember(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        inputs.setdefault(module, (map_tensors(Tensor.detach, args), map_tensors(Tensor.detach, kwargs)))

    handles = [m.register_forward_pre_hook(remember, with_kwargs=True) for m in objective.model.modules()]
    try:
        with torch.no_grad():
            objective.output(0, objective.start({}))
    finally:
        for handle in handles:
            handle.remove()
    names = {module: name for name, module in objective.model.named_modules()}
    for module in reversed(names):
        if module in inputs and not _differentiates_twice(module, *inputs[module]):
            return f"module {names[module]!r} ({type(module).__name__})" if names[module] else type(module).__name__
    return "the loss"


def _differentiates_twice(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}
    parameters = {name: p.detach().requires_grad_() for name, p in module.named_parameters()}
    args, kwargs = map_tensors(_leaf, (args, kwargs))
    leaves = [t for t in tensors_of((args, kwargs, parameters)) if t.requires_grad]
    try:
        output = torch.func.functional_call(module, parameters | buffers, args, kwargs)
        ends = [t for t in tensors_of(output) if t.requires_grad]
        if ends:
            first = torch.autograd.grad([(t**2).sum() for t in ends], leaves, create_graph=True, allow_unused=True)
            again = [g.sum() for g in first if g is not None and g.requires_grad]
            if again:
                torch.autograd.grad(again, leaves, allow_unused=True)
    except (RuntimeError, NotImplementedError) as error:
        return not _COMPLAINT.search(str(error))
    return True


def _leaf(tensor: Tensor) -> Tensor:
    return tensor.detach().requires_grad_() if tensor.is_floating_point() else tensor
