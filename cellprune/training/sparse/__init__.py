"""Mask policies: what holds a mask, or moves it, while the network trains."""

from typing import Protocol

from torch import Tensor, nn
from torch.optim import Optimizer


class MaskPolicy(Protocol):
    """Decides about masks around each optimizer step; random draws come from (seed, step) alone."""

    @property
    def masks(self) -> dict[str, Tensor]:
        """Parameter name -> bool as it stands now, True = kept; none for a dense network."""
        ...

    def start(self, model: nn.Module, optimizer: Optimizer) -> None:
        """Make model and optimizer state obey the masks, before the first step and after a resume."""

    def before_step(self, step: int, model: nn.Module, optimizer: Optimizer) -> bool:
        """See the dense, unscaled gradients and mask them; False when a mask update takes this step's place."""
        ...

    def after_step(self, step: int, model: nn.Module, optimizer: Optimizer) -> None:
        """Put right what the step moved."""

    def state(self) -> dict[str, Tensor | int | float]:
        """Give what a resume needs."""
        ...

    def load_state(self, state: dict[str, Tensor | int | float]) -> None:
        """Take back what `state` gave."""
