"""What "the network is left as it was" means: everything that can be asked of it, before and after."""

import random
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy


@contextmanager
def left_as_it_was(network: nn.Module, *, versions: bool = True) -> Iterator[None]:
    """Compare a network and the random generators before and after, whether or not something is raised in between.

    Args:
        network: any.
        versions: whether not even a value may have been written that was there before.
    """
    before, draws = _everything(network, versions), _draws()
    try:
        yield
    finally:
        after = _everything(network, versions)
        changes = [name for name in before | after if before.get(name) != after.get(name)]
        assert not changes
        assert _draws() == draws, "random generators moved"


def _everything(network: nn.Module, versions: bool) -> dict[str, Any]:
    """Give each thing that may change under a name; objects by identity, tensors by value, too."""
    found: dict[str, Any] = {}
    for path, module in network.named_modules(remove_duplicate=False):
        found[f"{path}: module"] = _Same(module), type(module), module.training
        for key, value in vars(module).items():
            found[f"{path}.{key}"] = _Same(value), *_inside(value, versions)
    return found


def _inside(value: Any, versions: bool) -> tuple[Any, ...]:
    if isinstance(value, dict):
        return tuple((key, _Same(held), *_inside(held, versions)) for key, held in value.items())
    if isinstance(value, (list, deque)):
        # modules in a plain list are none of the network's, which have a path of their own
        inside = [vars(held) if isinstance(held, nn.Module) else held for held in value]
        return tuple((_Same(held), *_inside(content, versions)) for held, content in zip(value, inside, strict=True))
    if isinstance(value, (set, bool, int, float, str)):
        return (repr(value),)
    if isinstance(value, torch.Generator):
        return (_bits(value.get_state()),)
    if isinstance(value, random.Random):
        return value.getstate()
    if isinstance(value, (np.random.RandomState, np.random.Generator)):
        return (repr(value.get_state() if isinstance(value, np.random.RandomState) else value.bit_generator.state),)
    if isinstance(value, Tensor):
        if is_lazy(value):
            return ("lazy", type(value))
        has_gradient = isinstance(value, nn.Parameter) and value.grad is not None
        gradient = (_Same(value.grad), _bits(value.grad)) if has_gradient else ()
        hooks = tuple(value._backward_hooks or ())
        layout = (
            value.dtype,
            value.device,
            value.shape,
            value.stride(),
            value.requires_grad,
            versions and value._version,
        )
        return (_bits(value), *layout, hooks, *gradient, *vars(value))
    return ()


def _bits(tensor: Tensor) -> bytes:
    if tensor.is_meta:
        return b""
    return tensor.detach().reshape(-1).contiguous().view(torch.uint8).numpy().tobytes()


def _draws() -> tuple[Any, ...]:
    state = np.random.get_state()
    return random.getstate(), state[1].tobytes(), state[2:], torch.get_rng_state().numpy().tobytes()


class _Same:
    """Equals another where both hold the same object."""

    def __init__(self, held: Any) -> None:
        # numbers and words are compared by value: they may well be made anew
        self.held = None if isinstance(held, (bool, int, float, str)) else held

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.held is other.held

    __hash__ = None  # type: ignore[assignment]
