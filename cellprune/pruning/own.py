"""Methods of the user's own: a function that scores, or a whole `Method`, tied to the same promises as the others."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps

import torch
from torch import Tensor, nn

from cellprune.config import names, own
from cellprune.errors import CellpruneError, WorkError, unknown
from cellprune.pruning.kinds import Batch, Loss
from cellprune.pruning.method import Method
from cellprune.pruning.prunable import prunable
from cellprune.pruning.ranking.units import given
from cellprune.wording import quoted, reason

_ARGUMENTS = "(model, masks, batches, loss, *, seed)"


def method_of(method: object) -> Method:
    """Give the code of a method: of a row of the table, of FILE.py:NAME, or what the user gave.

    A function is taken as one that scores once: its numbers are the scores, larger is kept; `batches` holds the first
    batch, if there are any. What else a method can do, a `Method` says.

    Raises:
        CellpruneError: there is no such method, or what was given is none.
    """
    code: object = names.resolve("pruning method", method) if isinstance(method, str) else method
    if isinstance(code, Method) and not names.is_own(method):
        return code
    name = names.called(method)
    row = code if isinstance(code, Method) else Method(sensitivity=_function(name, code), unit=given)
    try:
        inspect.signature(row.sensitivity).bind(None, {}, [], None, seed=0)
    except (TypeError, ValueError) as error:
        raise CellpruneError(
            f"pruning method {name!r} takes other arguments than {_ARGUMENTS} ({reason(error)}): give it these, and "
            f"its options as keywords with defaults"
        ) from None
    return replace(row, sensitivity=_guarded(method if isinstance(method, str) else name, row.sensitivity))


def _function(name: str, code: object) -> Callable[..., dict[str, Tensor]]:
    if not callable(code) or isinstance(code, type):
        raise CellpruneError(
            f"pruning method {name!r} is {quoted(code)}, which scores nothing: give a function {_ARGUMENTS} -> "
            f"{{parameter name: scores}}, or a cellprune.pruning.method.Method"
        )
    return code


def _guarded(named: str, score: Callable[..., dict[str, Tensor]]) -> Callable[..., dict[str, Tensor]]:
    """Check what comes out of a user's scoring, and that the network comes out as it went in."""
    name = own.short(named)

    @wraps(score)  # its keywords are the method's options
    def guarded(
        model: nn.Module, masks: Mapping[str, Tensor], batches: Sequence[Batch], loss: Loss | None, *, seed: int,
        **options: object,
    ) -> dict[str, Tensor]:  # fmt: skip
        with _unchanged(name, model):
            try:
                scores = score(model, masks, batches, loss, seed=seed, **options)
            except CellpruneError:
                raise
            except (Exception, SystemExit) as error:  # its exit() would end the whole program without a word
                raise WorkError(f"pruning method {name!r} failed ({own.fault(named, error)}): mend its code") from error
        return _checked(name, model, scores, needed=masks or prunable(model))

    return guarded


def _checked(name: str, model: nn.Module, scores: object, needed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give scores for every parameter, zeros where one that is never pruned has none.

    Raises:
        CellpruneError: they are none, of other parameters, or of other shapes.
        WorkError: one is NaN or infinite.
    """
    whose, parameters = f"pruning method {name!r}", dict(model.named_parameters())
    if not isinstance(scores, Mapping):
        raise CellpruneError(
            f"{whose} gives {type(scores).__name__}: let it return a dictionary, parameter name -> scores"
        )
    for key, score in scores.items():
        if key not in parameters:
            raise CellpruneError(unknown(f"parameter that {whose} may score, called", key, parameters))
        if not isinstance(score, Tensor):
            raise CellpruneError(f"{whose} gives {type(score).__name__} for {key!r}: let it return a tensor")
        if score.shape != parameters[key].shape:
            raise CellpruneError(
                f"{whose} gives scores of shape {tuple(score.shape)} for {key!r}, whose shape is "
                f"{tuple(parameters[key].shape)}: let it return one number per weight"
            )
        if key in needed and not score.isfinite().all():
            bad = int((~score.isfinite()).sum())
            raise WorkError(
                f"{whose} gives NaN or infinity for {bad} of {score.numel()} weights of {key!r}: mend its code"
            )
    if missing := [key for key in needed if key not in scores]:
        raise CellpruneError(f"{whose} gives no scores for {missing[0]!r}: score all weights, or exclude it")
    return {key: _numbers(scores.get(key, torch.zeros_like(p)), p.device) for key, p in parameters.items()}


def _numbers(score: Tensor, device: torch.device) -> Tensor:
    """Give scores as numbers with a sign, cut off from any graph."""
    has_sign = score.is_floating_point() or score.is_complex()  # which are refused with all others'
    return score.detach().to(device, score.dtype if has_sign else torch.float64)


@contextmanager
def _unchanged(name: str, model: nn.Module) -> Iterator[None]:
    """Put back what happens to parameters and buffers, their values and requires_grad, and refuse that it happened.

    Gradients are put back in silence: whoever calls backward() leaves some.

    Raises:
        CellpruneError: names the tensor.
    """
    parameters = dict(model.named_parameters())
    values = {key: (t, t.detach().clone()) for key, t in (parameters | dict(model.named_buffers())).items()}
    learning = {key: (p, p.requires_grad) for key, p in parameters.items()}
    gradients = [(p, p.grad, None if p.grad is None else p.grad.clone()) for p in parameters.values()]
    changed: list[str] = []
    try:
        yield
    finally:
        with torch.no_grad():
            for key, (tensor, before) in values.items():
                if not torch.equal(_bits(tensor), _bits(before)):
                    changed.append(key)
                    tensor.copy_(before)
            for key, (parameter, learned) in learning.items():
                if parameter.requires_grad != learned:
                    changed.append(f"{key}.requires_grad")
                    parameter.requires_grad_(learned)
            for parameter, gradient, was in gradients:
                parameter.grad = gradient if gradient is None or was is None else gradient.copy_(was)
    if changed:
        raise CellpruneError(
            f"pruning method {name!r} changed {changed[0]!r}{f' and {len(changed) - 1} more' * (len(changed) > 1)} "
            f"while it scored; all is put back: let it work on a copy, copy.deepcopy(model)"
        )


def _bits(tensor: Tensor) -> Tensor:
    return tensor.detach().reshape(-1).view(torch.uint8)  # so that NaN equals itself
