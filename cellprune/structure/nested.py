"""Tensors inside whatever a network takes and gives: tuples, lists, mappings, dataclasses, objects with attributes."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from torch import Tensor, nn

Change = Callable[[Tensor], Tensor]
_Value = TypeVar("_Value")


def map_tensors(change: Change, value: _Value) -> _Value:
    """Change each tensor inside a value. What holds one is copied, and keeps its kind; all else is the same object.

    Of an object, the attributes are changed. A mapping may show its items as attributes, too, as a `ModelOutput` of
    transformers does: both are the same changed tensor then.
    """
    changed: _Value = _changed(change, value, {})
    return changed


def tensors_of(value: object) -> list[Tensor]:
    """List the tensors inside a value, in order; one that an item and an attribute show comes once."""
    tensors: list[Tensor] = []
    map_tensors(lambda tensor: tensors.append(tensor) or tensor, value)  # type: ignore[func-returns-value]
    return tensors


def _changed(change: Change, value: object, done: dict[int, object]) -> Any:
    """Change a value; `done` holds the objects that were met, which may point back at each other."""
    if isinstance(value, Tensor):
        return change(value)
    if type(value) is dict:
        return {key: _changed(change, item, done) for key, item in value.items()}
    if isinstance(value, Mapping):
        return _mapping(change, value, done)
    if isinstance(value, (tuple, list)):
        items = [_changed(change, item, done) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if isinstance(value, nn.Module) or callable(value):
        return value  # what computes is no value
    if id(value) not in done:
        done[id(value)] = value
        attributes = {name: (old, _changed(change, old, done)) for name, old in _attributes(value).items()}
        done[id(value)] = _with(value, {name: new for name, (old, new) in attributes.items() if new is not old})
    return done[id(value)]


def _mapping(change: Change, old: Mapping[Any, Any], done: dict[int, object]) -> Mapping[Any, Any]:
    items = {key: _changed(change, item, done) for key, item in old.items()}
    shown = {id(item): items[key] for key, item in old.items()}
    made = _filled(old, items)
    if made is items:
        return items
    attributes = {
        name: shown[id(value)] if id(value) in shown else _changed(change, value, done)
        for name, value in _attributes(old).items()
        if name != "data"  # where a UserDict has its items
    }
    for name, value in attributes.items():
        object.__setattr__(made, name, value)
    return made


def _filled(old: Mapping[Any, Any], items: dict[Any, Any]) -> Mapping[Any, Any]:
    """Give a mapping of the old one's kind that holds the items; a plain one where that cannot be made."""
    put = getattr(type(old), "__setitem__", None)
    try:
        made = copy(old)
    except Exception:  # it is made from arguments that we do not know
        if not isinstance(old, dict):
            return items
        made = type(old).__new__(type(old))
    if isinstance(old, dict):  # not by its own rules, which may have something to say on keys
        put = (OrderedDict if isinstance(old, OrderedDict) else dict).__setitem__
    if put is None:
        return items
    for key, item in items.items():
        put(made, key, item)
    return made


def _attributes(value: object) -> dict[str, object]:
    """Give what an object holds by name: its fields, slots and dictionary."""
    names = [field.name for field in fields(value)] if is_dataclass(value) else []
    for kind in type(value).__mro__:
        slots = vars(kind).get("__slots__", ())
        names += [slots] if isinstance(slots, str) else [*slots]
    names += getattr(value, "__dict__", ())
    return {name: getattr(value, name) for name in dict.fromkeys(names)
            if not name.startswith("__") and hasattr(value, name)}  # fmt: skip


def _with(value: _Value, changed: Mapping[str, object]) -> _Value:
    if not changed:
        return value
    made = copy(value)
    for name, new in changed.items():
        object.__setattr__(made, name, new)  # of a frozen dataclass, too
    return made
