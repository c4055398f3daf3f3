"""Names the module at fault where a kernel does not allow a second derivative."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from cellprune.errors import CellpruneError
from cellprune.pruning.derivatives.objective import Objective
from cellprune.pruning.derivatives.pull_back import pull_back
from cellprune.pruning.kinds import Nested
from cellprune.structure.nested import map_tensors, tensors_of
from cellprune.structure.standing_in import copied, standing_in

_COMPLAINT = re.compile(r"not implemented|differentiate twice|double.?backward", re.IGNORECASE)


@contextmanager
def explained(objective: Objective, remedy: str) -> Iterator[None]:
    """Turn autograd's complaint about a missing second derivative into an error that names the module at fault.

    Args:
        remedy: who needs the derivative, and what to do: "grasp needs: replace it, or take another method".
    Raises:
        CellpruneError: a module has no second derivative.
    """
    try:
        yield
    except RuntimeError as error:
        if not _COMPLAINT.search(str(error)):
            raise
        raise CellpruneError(
            f"{_culprit(objective)} has no second derivative here ({str(error).splitlines()[0][:120]}), which {remedy}"
        ) from error


def _culprit(objective: Objective) -> str:
    """Differentiate each module twice on the input that it gets, inner modules before those that hold them."""
    inputs: dict[nn.Module, tuple[Nested, Nested]] = {}

    def remember(module: nn.Module, args: tuple[Nested, ...], kwargs: dict[str, Nested]) -> None:
        inputs.setdefault(module, (args, kwargs))

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


def _differentiates_twice(module: nn.Module, args: tuple[Nested, ...], kwargs: dict[str, Nested]) -> bool:
    buffers = {name: copied(buffer) for name, buffer in module.named_buffers()}
    parameters = {name: copied(p).requires_grad_() for name, p in module.named_parameters()}
    args, kwargs = map_tensors(_leaf, (args, kwargs))
    leaves = [t for t in tensors_of((args, kwargs, parameters)) if t.requires_grad]
    args, kwargs = map_tensors(torch.clone, (args, kwargs))  # an in-place module may not write on a leaf
    with standing_in(module, parameters | buffers):
        ends = [t for t in tensors_of(module(*args, **kwargs)) if t.requires_grad]
    if not ends:
        return True
    try:
        # squares, so that the gradient that arrives at the module depends on its input as it does in the network
        gradient = torch.autograd.grad([(t**2).sum() for t in ends], leaves, create_graph=True, materialize_grads=True)
        pull_back(gradient, leaves, [torch.ones_like(g) for g in gradient])
    except RuntimeError as error:
        return not _COMPLAINT.search(str(error))
    return True


def _leaf(tensor: Tensor) -> Tensor:
    return tensor.detach().requires_grad_() if tensor.is_floating_point() else tensor
