"""Masks on a network: put them on, hold them through any training loop, count them.

A mask is a bool tensor of its parameter's shape, True = kept. A pruned weight is exactly +0.0, whatever its gradient
was: values are filled, not multiplied, for infinity times zero would be NaN.
"""

from collections.abc import Iterable, Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from cellprune.errors import CellpruneError
from cellprune.pruning.agreement import refuse_different
from cellprune.pruning.derivatives.conditions import device_of
from cellprune.pruning.kinds import Masks
from cellprune.structure.agreeing import parameter_of
from cellprune.structure.standing_in import require_network

__all__ = [
    "Handle",
    "Masks",
    "apply",
    "bare",
    "check",
    "clear_gradients",
    "counts",
    "dead_layers",
    "hold",
    "kept_bits",
    "mask_gradients",
    "mask_values",
    "sparsity",
]


class Handle:
    """What `hold` returns; `release()` removes every hook, and training may change the weights again."""

    def __init__(self, hooks: list[RemovableHandle]) -> None:
        self._hooks = hooks

    def release(self) -> None:
        """Remove the hooks; calling it again does nothing."""
        while self._hooks:
            self._hooks.pop().remove()


def hold(model: nn.Module, masks: Mapping[str, Tensor], optimizer: Optimizer) -> Handle:
    """Keep the masks exactly in your own training loop, with any optimizer, until they are released.

    Values are masked now and after each step, gradients as they arise (so that clipping never sees the pruned ones),
    and optimizer state of the parameter's shape after each step, so that momentum and weight decay move no pruned
    weight. With several processes (`torch.distributed`), each must call this with the same masks.

    Args:
        model: the network, bare or inside `DistributedDataParallel` or `torch.compile`.
        masks: parameter name -> bool, from `prune`; empty for a dense network, of which nothing is held.
        optimizer: the optimizer that trains it, bare or wrapped as accelerate does.
    Raises:
        CellpruneError: a mask for an unknown parameter, or of another shape; an optimizer that steps none of the masked
            parameters; or other masks in another process.
    Example:
        >>> model = nn.Linear(4, 2)
        >>> optimizer = torch.optim.Adam(model.parameters(), weight_decay=0.1)
        >>> handle = hold(model, {"weight": torch.eye(2, 4).bool()}, optimizer)
        >>> model(torch.ones(3, 4)).sum().backward()
        >>> optimizer.step()
        >>> int(model.weight.count_nonzero())
        2
        >>> handle.release()
    """
    require_network(model)
    refuse_different({_plain(name): mask for name, mask in masks.items()}, device_of(model))
    optimizer = _bare_optimizer(optimizer)
    check(model, masks)  # before anything is masked
    _refuse_stranger(optimizer, model, masks)
    mask_values(model, masks, optimizer)
    mask_gradients(model, masks)
    hooks: list[RemovableHandle] = [
        optimizer.register_step_pre_hook(lambda *_: mask_gradients(model, masks)),
        optimizer.register_step_post_hook(lambda *_: mask_values(model, masks, optimizer)),
    ]
    for parameter, pruned in _pruned(model, masks):

        def mask_gradient(gradient: Tensor, pruned: Tensor = pruned) -> Tensor:
            return gradient.masked_fill(pruned.to(gradient.device), 0.0)  # the model may move to a GPU after this

        if parameter.requires_grad:  # not the frozen norm beside a channel
            # a hook before accumulation: distributed training then averages gradients that are masked already
            hooks.append(parameter.register_hook(mask_gradient))
    return Handle(hooks)


def check(model: nn.Module, masks: Mapping[str, Tensor]) -> None:
    """Refuse masks of another network.

    Raises:
        CellpruneError: a mask for an unknown parameter, or of another shape.
    """
    for _ in _pruned(model, masks):
        pass


def apply(model: nn.Module, masks: Mapping[str, Tensor]) -> None:
    """Set the pruned weights to +0.0, in place."""
    with torch.no_grad():
        for parameter, pruned in _pruned(model, masks):
            parameter.masked_fill_(pruned, 0.0)


def mask_gradients(model: nn.Module, masks: Mapping[str, Tensor]) -> None:
    """Set the gradients of the pruned weights to +0.0, in place; a parameter without gradient stays without."""
    with torch.no_grad():
        for parameter, pruned in _pruned(model, masks):
            if parameter.grad is not None:
                parameter.grad.masked_fill_(pruned, 0.0)


def kept_bits(model: nn.Module, masks: Mapping[str, Tensor]) -> list[tuple[nn.Parameter, Tensor]]:
    """Pair each masked parameter with integers of its size and layout: all bits set where kept, none where pruned."""
    whole = {2: torch.int16, 4: torch.int32, 8: torch.int64}
    return [
        (parameter, torch.full_like(parameter, -1, dtype=whole[parameter.element_size()]).masked_fill_(pruned, 0))
        for parameter, pruned in _pruned(model, masks)
    ]


def clear_gradients(kept: Iterable[tuple[nn.Parameter, Tensor]]) -> None:
    """Do what `mask_gradients` does, to the bit, in a fifteenth of its time: for masks that stay."""
    for parameter, bits in kept:
        if parameter.grad is not None:
            parameter.grad.view(bits.dtype).bitwise_and_(bits)  # no bit left is +0.0, also of a NaN


def mask_values(model: nn.Module, masks: Mapping[str, Tensor], optimizer: Optimizer) -> None:
    """Set the pruned weights, and what the optimizer remembers of them, to +0.0, in place."""
    optimizer = _bare_optimizer(optimizer)
    with torch.no_grad():
        for parameter, pruned in _pruned(model, masks):
            parameter.masked_fill_(pruned, 0.0)
            for value in optimizer.state.get(parameter, {}).values():
                if isinstance(value, Tensor) and value.shape == parameter.shape:
                    value.masked_fill_(pruned, 0.0)


def counts(masks: Mapping[str, Tensor]) -> dict[str, tuple[int, int]]:
    """Count per parameter: name -> (kept, prunable)."""
    return {name: (int(mask.sum()), mask.numel()) for name, mask in masks.items()}


def sparsity(masks: Mapping[str, Tensor]) -> float:
    """Give the share of the masked parameters' entries that is removed; 0 without masks."""
    kept, prunable = (sum(column) for column in zip((0, 0), *counts(masks).values(), strict=True))
    return 1 - kept / prunable if prunable else 0.0


def dead_layers(masks: Mapping[str, Tensor]) -> list[str]:
    """Name the parameters that lost all their weights."""
    return [name for name, mask in masks.items() if not mask.any()]


def bare(model: nn.Module) -> nn.Module:
    """Take `DistributedDataParallel`, `DataParallel` and `torch.compile` off a model."""
    wrapped = isinstance(model, (nn.parallel.DistributedDataParallel, nn.DataParallel))
    inner = model.module if wrapped else getattr(model, "_orig_mod", None)
    return bare(inner) if isinstance(inner, nn.Module) else model


def _bare_optimizer(optimizer: Optimizer) -> Optimizer:
    inner = getattr(optimizer, "optimizer", None)
    return _bare_optimizer(inner) if isinstance(inner, Optimizer) else optimizer


def _refuse_stranger(optimizer: Optimizer, model: nn.Module, masks: Mapping[str, Tensor]) -> None:
    """Refuse the optimizer of another network: after its steps nothing of this one would be masked again."""
    stepped = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    trained = [parameter for parameter, _ in _pruned(model, masks) if parameter.requires_grad]
    if trained and not any(id(parameter) in stepped for parameter in trained):
        raise CellpruneError(
            f"this {type(optimizer).__name__} steps none of the {len(trained)} masked parameters: "
            "give the optimizer of this network"
        )


def _pruned(model: nn.Module, masks: Mapping[str, Tensor]) -> Iterator[tuple[nn.Parameter, Tensor]]:
    """Pair each masked parameter with the places to clear, on the parameter's device."""
    parameters = {_plain(name): p for name, p in bare(model).named_parameters(remove_duplicate=False)}
    for name, mask in masks.items():
        parameter = parameter_of(_plain(name), mask, parameters)
        yield parameter, ~mask.to(parameter.device)


def _plain(name: str) -> str:
    return name.replace("_orig_mod.", "")  # a part of the model may be compiled after the masks were made
