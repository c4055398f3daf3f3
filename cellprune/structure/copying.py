"""Copies a network with other tensors in place of its own, of other shapes, too.

What a deep copy cannot take along (a lock, a graph of gradients) is shared, or cut off: such a thing is no reason to
have no copy. A tensor is known by what it is, not by what it is called: what is shared stays shared.
"""

import warnings
from collections import deque
from collections.abc import Iterator, Mapping
from copy import copy, deepcopy
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from torch import Tensor, nn

from cellprune.errors import CellpruneError
from cellprune.structure.standing_in import require_shapes
from cellprune.wording import reason

_SHARED = (str, bytes, int, float, complex, type, FunctionType, BuiltinFunctionType, ModuleType)  # by any deep copy
_CONTAINERS = (list, tuple, set, frozenset, deque, dict)


def copied_with(model: nn.Module, tensors: Mapping[str, Tensor]) -> nn.Module:
    """Copy a network; the copy shares nothing with it but what cannot be copied.

    Args:
        model: the network; it is left as it was.
        tensors: name of a parameter or buffer, as `named_parameters()` and `named_buffers()` say it -> a copy of this
            takes its place, wherever it is used. What is not named is copied as it is.
    Returns:
        The copy, in the modes of the original. Its parameters have no gradients.
    Raises:
        CellpruneError: a lazy module has no tensors yet, or something in the network can neither be copied nor shared.
    """
    require_shapes(model)
    done: dict[int, Any] = {}
    for name, parameter in model.named_parameters():
        if name in tensors:
            done[id(parameter)] = nn.Parameter(tensors[name].detach().clone(), parameter.requires_grad)
    for name, buffer in model.named_buffers():
        done[id(buffer)] = tensors.get(name, buffer).detach().clone()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that some iterators will not be copied in a later Python
        for value in _reached(model):
            if isinstance(value, Tensor):
                if not value.is_leaf:  # an activation that was kept
                    done.setdefault(id(value), value.detach().clone())
            elif not isinstance(value, (nn.Module, *_CONTAINERS)) and not _can_be_copied(value):
                done[id(value)] = value
        try:
            copied: nn.Module = deepcopy(model, done)
        except Exception as error:  # of what hides deeper than we look
            raise CellpruneError(
                f"{type(model).__name__} cannot be copied ({reason(error)}): give a network that `copy.deepcopy` takes"
            ) from error
    return copied


def _reached(value: object) -> Iterator[object]:
    """Walk through what a value holds, each thing once."""
    seen: dict[int, Any] = {}  # with the things, so that no two of them have one id
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if value is None or isinstance(value, _SHARED) or id(value) in seen:
            continue
        seen[id(value)] = value
        yield value
        if not isinstance(value, Tensor):
            waiting += _parts(value)


def _parts(value: object) -> list[object]:
    parts = [*getattr(value, "__dict__", {}).values()]
    if isinstance(value, dict):
        parts += value.values()
    elif isinstance(value, _CONTAINERS):
        parts += value
    elif isinstance(value, MethodType):
        parts.append(value.__self__)
    elif isinstance(value, partial):
        parts += [value.func, *value.args, *value.keywords.values()]
    return parts


def _can_be_copied(value: object) -> bool:
    try:
        copy(value)
    except Exception:  # whatever its kind raises
        return False
    return True
