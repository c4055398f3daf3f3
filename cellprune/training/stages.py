"""A training is a list of stages; one by default. Methods around training are lists of more.

A stage starts from certain weights under a certain mask; optimizer, schedule and data order are made anew.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor, nn

from cellprune.training.sparse import MaskPolicy


@dataclass(frozen=True)
class Stage:
    """One training of the list.

    Attributes:
        weights: "init" (the network as it was drawn) or "previous" (as the stage before left it).
        mask: parameter name -> bool, or a function of the trained network, called once at the stage's start.
        policy: makes the mask policy of a mask.
        epochs: passes over the training part.
    """

    weights: Literal["init", "previous"]
    mask: Mapping[str, Tensor] | Callable[[nn.Module], Mapping[str, Tensor]]
    policy: Callable[[Mapping[str, Tensor]], MaskPolicy]
    epochs: int


def walk(
    model: nn.Module,
    stages: Sequence[Stage],
    fit: Callable[[MaskPolicy, int, int], Any],
    *,
    reached: int | None = None,
) -> None:
    """Train through all stages.

    Args:
        model: at its initialization; trained in place.
        fit: (policy, epochs, number of the stage) -> trains the model, taking up a stored state of that stage.
        reached: number of the stage of the stored state, None without one. Stages before it are done; its mask is part
            of the state, where the policy finds it.
    """
    initial = {name: value.clone() for name, value in model.state_dict().items()} if len(stages) > 1 else {}
    for number, stage in enumerate(stages):
        if reached is not None and number < reached:
            continue
        resumed = number == reached
        if number > 0 and stage.weights == "init" and not resumed:
            model.load_state_dict(initial)
        mask = stage.mask if not callable(stage.mask) else {} if resumed else stage.mask(model)
        fit(stage.policy(mask), stage.epochs, number)
