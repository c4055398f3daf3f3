"""Masks that move: held like static ones from step to step, and chosen anew where a rule says so."""

from collections.abc import Callable, Mapping

from torch import Tensor, nn
from torch.optim import Optimizer

from cellprune.pruning.masks import Masks
from cellprune.training.sparse.static import Static

Rule = Callable[[int, nn.Module, Masks], Masks | None]
"""(optimizer steps done, network, its masks) -> new masks, in the model's order; None: no update is due."""


class Moving:
    """Holds masks exactly and moves them by a rule; what is dropped loses value and optimizer state.

    A weight that comes back therefore starts from zero, as does the optimizer's memory of it.
    """

    def __init__(self, masks: Mapping[str, Tensor], rule: Rule, *, takes_step: bool = False) -> None:
        """Args: takes_step: an update stands in an optimizer step's place and sees its dense gradients."""
        self._static = Static(masks)
        self._rule = rule
        self._takes_step = takes_step

    @property
    def masks(self) -> Masks:
        return self._static.masks

    def start(self, model: nn.Module, optimizer: Optimizer) -> None:
        self._static.start(model, optimizer)

    def before_step(self, step: int, model: nn.Module, optimizer: Optimizer) -> bool:
        if self._takes_step and self._move(step, model, optimizer):
            return False
        return self._static.before_step(step, model, optimizer)

    def after_step(self, step: int, model: nn.Module, optimizer: Optimizer) -> None:
        if not self._takes_step:
            self._move(step + 1, model, optimizer)

    def state(self) -> dict[str, Tensor | int | float]:
        return self._static.state()

    def load_state(self, state: dict[str, Tensor | int | float]) -> None:
        self._static.load_state(state)

    def _move(self, done: int, model: nn.Module, optimizer: Optimizer) -> bool:
        if (masks := self._rule(done, model, self.masks)) is None:
            return False
        self._static = Static(masks)
        self._static.start(model, optimizer)
        return True


def masked_weights(model: nn.Module, masks: Mapping[str, Tensor]) -> dict[str, nn.Parameter]:
    """Give the parameters that have a mask, in the model's order; masks that were stored have lost it."""
    return {name: weight for name, weight in model.named_parameters() if name in masks}
