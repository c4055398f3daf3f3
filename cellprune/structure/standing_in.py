"""Runs a network on other tensors than its own, and gives it back as it was, whatever its forward pass did to it.

`torch.func.functional_call` swaps tensors name by name; of a module that stands under two names, such as an attribute
and an entry of a list, it takes its own stand-in for the original, and leaves it there. Here each module is visited
once, and a tensor is known by what it is, not by what it is called: what is shared stays shared.
"""

import random
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from operator import is_
from threading import RLock
from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from cellprune.errors import CellpruneError
from cellprune.structure.modes import evaluating
from cellprune.wording import quoted

_Generator = torch.Generator | random.Random | np.random.RandomState | np.random.Generator
_GENERATORS = get_args(_Generator)
_one_at_a_time = RLock()  # two threads that take turns at swapping would each keep the other's stand-ins


@contextmanager
def looking(model: nn.Module, tensors: Mapping[str, Tensor] | None = None) -> Iterator[None]:
    """Let a network run in evaluation mode, without gradients and without a trace.

    Args:
        model: any network; it comes back as it was, and so do the random generators.
        tensors: as `standing_in` takes them; by default copies of all that it has, in full precision.

    Raises:
        CellpruneError: there is nothing to copy yet, see `require_values`; and see `standing_in`.
    """
    if tensors is None:
        require_values(model)
        tensors = copies(model)
    with as_it_was(model), standing_in(model, tensors), evaluating(model), torch.no_grad():
        yield


@contextmanager
def as_it_was(model: nn.Module) -> Iterator[None]:
    """Put back, errors or not, what happens to the network's modules and to the random generators."""
    states = random.getstate(), np.random.get_state()
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    try:
        with torch.random.fork_rng(devices), standing_in(model, {}):
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


@contextmanager
def standing_in(model: nn.Module, tensors: Mapping[str, Tensor]) -> Iterator[None]:
    """Put other tensors where the network's parameters and buffers are, and everything back afterwards.

    Back come the parameters and buffers themselves, modes, hooks, classes, and every other attribute of every module,
    with what its lists, dictionaries and sets held, and random generators among these. Tensors among these that are not
    registered are copied meanwhile.

    Args:
        model: the network.
        tensors: name of a parameter or buffer, as `named_parameters()` and `named_buffers()` say it -> what stands in
            for it, wherever it is used. What is not named stays in its place.

    Raises:
        CellpruneError: the network was compiled by TorchScript, which lets nothing stand in.
    """
    if any(isinstance(module, torch.jit.ScriptModule) for module in model.modules()):
        raise CellpruneError(
            f"{type(model).__name__} was compiled by TorchScript, where nothing can stand in for a weight: give the "
            f"network that it was made from"
        )
    with _one_at_a_time:
        own = _tensors(model)
        assert tensors.keys() <= own.keys()
        takes_place = {id(tensor): tensors.get(name, tensor) for name, tensor in own.items()}
        kinds = [(module, type(module)) for module in model.modules()]
        kept = _containers(model).values()
        filled = [(container, content) for container, content in kept if content]
        drawing = [
            _state(value) for _, content in filled for value in _values(content) if isinstance(value, _GENERATORS)
        ]
        try:
            for container, content in filled:
                for place, value in content.items() if isinstance(content, dict) else enumerate(content):
                    if isinstance(value, Tensor) and not isinstance(container, set):
                        # what is not registered is an activation, a cache: the network may write on it
                        if id(value) not in takes_place:
                            takes_place[id(value)] = value.detach().clone()
                        container[place] = takes_place[id(value)]
            yield
        finally:
            for module, kind in kinds:
                if type(module) is not kind:  # lazy modules turn into others
                    module.__class__ = kind
            for container, content in kept:
                _refill(container, content)
            for put_back in drawing:
                put_back()


def copies(
    model: nn.Module, *, device: torch.device | None = None, dtype: torch.dtype | None = None
) -> dict[str, Tensor]:
    """Copy every parameter and buffer once, cut off from any graph.

    Args:
        model: the network.
        device: where the copies go; None for where each is.
        dtype: of the floating ones; None for their own, half precision widened to float32.
    Returns:
        Name -> tensor, shared ones under their first name.
    Raises:
        CellpruneError: a lazy module has no tensors yet.
    """
    with _one_at_a_time:
        require_shapes(model)
        return {name: copied(tensor, device=device, dtype=dtype) for name, tensor in _tensors(model).items()}


def copied(tensor: Tensor, *, device: torch.device | None = None, dtype: torch.dtype | None = None) -> Tensor:
    """Copy one, as `copies` does."""
    dtype = dtype if dtype is not None and tensor.is_floating_point() else _full_dtype(tensor)
    return tensor.detach().to(device=device or tensor.device, dtype=dtype, copy=True)


def full(tensor: Tensor) -> Tensor:
    """Widen half precision to float32; leave float32, float64 and whole numbers as they are."""
    return tensor.to(_full_dtype(tensor))


def require_network(model: object) -> None:
    """Refuse what is no network, such as the path of one.

    Raises:
        CellpruneError: says what it is, and what gives a network.
    """
    if not isinstance(model, nn.Module):
        raise CellpruneError(
            f"{quoted(model)} is no torch network: give an nn.Module; cellprune.load(PATH) gives that of a file"
        )


def require_shapes(model: nn.Module) -> None:
    """Refuse a network that has lazy modules, whose first forward pass decides their shapes.

    Raises:
        CellpruneError: names the first such tensor; or see `require_network`.
    """
    require_network(model)
    for name, tensor in _tensors(model).items():
        if is_lazy(tensor):
            raise CellpruneError(f"{name!r} has no shape yet: call the network once on an input first")


def require_values(model: nn.Module) -> None:
    """Refuse a network that has shapes alone, or not even these.

    Raises:
        CellpruneError: names the first tensor without values.
    """
    require_shapes(model)
    for name, tensor in _tensors(model).items():
        if tensor.is_meta:
            raise CellpruneError(f"{name!r} has no values, it is on the meta device: draw or load them first")


def _full_dtype(tensor: Tensor) -> torch.dtype:
    return torch.float32 if tensor.dtype in (torch.float16, torch.bfloat16) else tensor.dtype


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    return dict(model.named_parameters()) | dict(model.named_buffers())


_Container = dict[Any, Any] | list[Any] | deque[Any] | set[Any]
_Content = dict[Any, Any] | list[Any]


def _containers(model: nn.Module) -> dict[int, tuple[_Container, _Content]]:
    """Pair each module's attributes, and each dictionary, list and set found in them, with a copy of its content."""
    contents: dict[int, tuple[_Container, _Content]] = {}
    waiting: list[_Container] = [vars(module) for module in model.modules()]
    while waiting:
        container = waiting.pop()
        if id(container) in contents:
            continue
        content = _content(container)
        contents[id(container)] = container, content
        for value in _values(content):
            if isinstance(value, (dict, list, deque, set)):
                waiting.append(value)
            # a module in a plain list is no part of the network, but may well run with it
            if isinstance(value, nn.Module):
                waiting.append(vars(value))
    return contents


def _content(container: _Container) -> _Content:
    return dict(container) if isinstance(container, dict) else list(container)


def _values(content: _Content) -> Collection[object]:
    return content.values() if isinstance(content, dict) else content


def _state(
    generator: torch.Generator | random.Random | np.random.RandomState | np.random.Generator,
) -> Callable[[], Any]:
    """Remember where a generator stands; give what puts it back there."""
    if isinstance(generator, torch.Generator):
        return partial(generator.set_state, generator.get_state())
    if isinstance(generator, random.Random):
        return partial(generator.setstate, generator.getstate())
    if isinstance(generator, np.random.RandomState):
        return partial(generator.set_state, generator.get_state())
    return partial(setattr, generator.bit_generator, "state", generator.bit_generator.state)


def _refill(container: _Container, content: _Content) -> None:
    if not container and not content:  # as most dictionaries of a module are: those of its hooks
        return
    now = _content(container)
    if len(now) == len(content) and all(map(is_, _values(now), _values(content))) and list(now) == list(content):
        return
    if isinstance(container, dict):
        container.update(content)
        if list(container) == list(content):  # and so it was empty at no time
            return
    container.clear()
    container.extend(content) if isinstance(container, (list, deque)) else container.update(content)
