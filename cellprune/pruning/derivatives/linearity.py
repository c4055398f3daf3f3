"""Checks that what should run linearly does, and names the module where it does not.

Along the way from zero to an input, a linear function climbs by its slope at that input: f(x) - f(0) = x . f'(x).
So do a maximum and a function with a constant beside it (an embedding of positions). A gate, attention, a norm or an
activation that is written out, and a value that is cut off, climb otherwise.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from cellprune.pruning.kinds import Nested
from cellprune.structure.nested import map_tensors, tensors_of
from cellprune.structure.standing_in import as_it_was, copies, standing_in

_TOLERANCE = 1e-9  # of float64; sums of positive numbers err by some 1e-14 of their size, a gate by the whole


def bending(model: nn.Module, inputs: Nested) -> str | None:
    """Name the innermost module that is not linear in its input; None where the network is.

    Args:
        model: the network, in float64, in the mode and under the mode of torch in which it should be linear; it is left
            as it was.
        inputs: one sample; where they are real numbers, others of about one are drawn.
    """
    inputs = map_tensors(_drawn, inputs)
    if _bends(model, ((inputs,), {})) is False:
        return None
    calls: dict[nn.Module, tuple[Nested, Nested]] = {}

    def remember(module: nn.Module, args: Nested, kwargs: Nested) -> None:
        calls.setdefault(module, map_tensors(_drawn, (args, kwargs)))

    with _unchanged(model), torch.no_grad():
        for module in model.modules():
            module.register_forward_pre_hook(remember, with_kwargs=True)
        model(inputs)
    for name, module in reversed(list(model.named_modules())):
        if module in calls and _bends(module, calls[module]):
            return f"{name!r} ({type(module).__name__})" if name else type(module).__name__
    return None


def _bends(module: nn.Module, call: tuple[Nested, Nested]) -> bool | None:
    """Tell whether a module climbs otherwise than its slope says; None where there is nothing to tell by."""
    call = map_tensors(lambda t: t.detach().requires_grad_() if t.is_floating_point() else t, call)
    if not (leaves := [t for t in tensors_of(call) if t.requires_grad]):
        return None
    end = _total(module, call)
    if not end.isfinite():
        return None
    slope = torch.zeros_like(end)
    if end.requires_grad:
        try:
            gradients = torch.autograd.grad(end, leaves, materialize_grads=True)
        except RuntimeError as error:
            if "inplace" not in str(error):
                raise
            return True  # it wrote on what its slope needs: a gate that works in place
        slope = sum(((t * g).sum() for t, g in zip(leaves, gradients, strict=True)), slope)
    with torch.no_grad():
        start = _total(module, map_tensors(lambda t: torch.zeros_like(t) if t.requires_grad else t, call))
        middle = _total(module, map_tensors(lambda t: t / 2 if t.requires_grad else t, call))
    size = max(abs(float(value.detach())) for value in (end, start, slope))
    # a gate through which no gradient goes has the slope of a line, and is none; a norm written out may divide by zero
    errors = (end - start - slope, end + start - 2 * middle)
    return not all(float(error.detach().abs()) <= _TOLERANCE * size for error in errors)


def _total(module: nn.Module, call: tuple[Nested, Nested]) -> Tensor:
    """Sum all that the module gives, each number with a factor of its own: a norm's would add up to nothing."""
    generator = torch.Generator().manual_seed(0)
    args, kwargs = map_tensors(torch.clone, call)  # one that works in place may not write on a leaf
    with _unchanged(module):
        made = [t for t in tensors_of(module(*args, **kwargs)) if t.is_floating_point()]
    factors = [0.5 + torch.rand(t.shape, generator=generator, dtype=torch.float64).to(t.device) for t in made]
    return sum((t * f).sum() for t, f in zip(made, factors, strict=True)) + torch.zeros((), dtype=torch.float64)


@contextmanager
def _unchanged(module: nn.Module) -> Iterator[None]:
    """Undo what a run does to the module and to random draws: every run begins from the same."""
    with as_it_was(module), standing_in(module, copies(module)):
        yield


def _drawn(tensor: Tensor) -> Tensor:
    if not tensor.is_floating_point():
        return tensor
    generator = torch.Generator().manual_seed(0)
    return 0.5 + torch.rand(tensor.shape, generator=generator, dtype=tensor.dtype).to(tensor.device)
