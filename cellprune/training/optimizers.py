"""The optimizer and the course of its learning rate.

Source: AdamW: Loshchilov & Hutter 2019 (arXiv:1711.05101); one-cycle: Smith & Topin 2018 (arXiv:1708.07120).
"""

from typing import Any

import torch
from torch import nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR


def build(
    model: nn.Module,
    *,
    name: str,
    learning_rate: float,
    weight_decay: float,
    schedule: str,
    steps: int,
    first_step: int = 0,
) -> tuple[Optimizer, LRScheduler | None]:
    """Make an optimizer over all parameters and its schedule over `steps` updates.

    Args:
        name: "adamw" or "sgd" (momentum 0.9).
        learning_rate: the highest one.
        schedule: "one-cycle", "step" (a tenth of it after half of the steps, a hundredth after three quarters), or
            "constant" (then there is no scheduler).
        steps: updates in the whole training; the schedule ends with the last.
        first_step: updates of them that are left out; the schedule starts where they would have brought it.
    """
    optimizer: Optimizer
    if name == "sgd":
        optimizer = SGD(model.parameters(), lr=learning_rate, momentum=0.9, weight_decay=weight_decay)
    else:
        optimizer = AdamW(model.parameters(), lr=learning_rate, weight_decay=weight_decay)
    if schedule == "constant" or steps < 2:  # a cycle of one step has no course
        return optimizer, None

    def course(last_step: int) -> LRScheduler:
        if schedule == "step":
            return LambdaLR(optimizer, lambda step: 0.1 ** ((2 * step >= steps) + (4 * step >= 3 * steps)), last_step)
        return OneCycleLR(optimizer, max_lr=learning_rate, total_steps=steps, last_epoch=last_step)

    begun = course(-1)
    # a second one, for the first has only now told the optimizer where its course begins
    return optimizer, course(first_step - 1) if first_step else begun


def tensors_of(optimizer: Optimizer) -> dict[str, torch.Tensor]:
    """Name every tensor of the optimizer's state as `index.key`, index counting the parameters."""
    state = optimizer.state_dict()["state"]
    return {f"{i}.{key}": value for i, entry in state.items() for key, value in entry.items() if torch.is_tensor(value)}


def numbers_of(optimizer: Optimizer) -> dict[str, Any]:
    """Give what is not a tensor: the parameter groups, and plain numbers of the state."""
    content = optimizer.state_dict()
    plain = {
        str(i): {k: v for k, v in entry.items() if not torch.is_tensor(v)} for i, entry in content["state"].items()
    }
    return {"groups": content["param_groups"], "state": plain}


def restore(optimizer: Optimizer, tensors: dict[str, torch.Tensor], numbers: dict[str, Any]) -> None:
    """Put back what `tensors_of` and `numbers_of` gave."""
    state: dict[int, dict[str, Any]] = {int(i): dict(entry) for i, entry in numbers["state"].items()}
    for name, value in tensors.items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict({"state": state, "param_groups": numbers["groups"]})
    for parameter, entry in optimizer.state.items():
        for key, value in entry.items():
            if torch.is_tensor(value) and value.shape == parameter.shape:
                entry[key] = torch.empty_like(parameter).copy_(value)  # its layout: steps over two layouts take longer
