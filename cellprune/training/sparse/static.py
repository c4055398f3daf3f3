"""A mask that never moves: chosen once, at initialization."""

from collections.abc import Mapping

from torch import Tensor, nn
from torch.optim import Optimizer

from cellprune.pruning import masks as masking


class Static:
    """Holds given masks exactly; with no masks the network trains dense."""

    def __init__(self, masks: Mapping[str, Tensor]) -> None:
        self.masks = dict(masks)
        self._kept: list[tuple[nn.Parameter, Tensor]] = []

    def start(self, model: nn.Module, optimizer: Optimizer) -> None:
        device = next(model.parameters()).device
        self.masks = {name: mask.to(device) for name, mask in self.masks.items()}  # once, not at every step
        masking.mask_values(model, self.masks, optimizer)
        self._kept = masking.kept_bits(model, self.masks)

    def before_step(self, step: int, model: nn.Module, optimizer: Optimizer) -> bool:
        masking.clear_gradients(self._kept)
        return True

    def after_step(self, step: int, model: nn.Module, optimizer: Optimizer) -> None:
        """Nothing: from a zero weight, gradient and state, both optimizers' steps are exactly zero."""

    def state(self) -> dict[str, Tensor | int | float]:
        return dict(self.masks)

    def load_state(self, state: dict[str, Tensor | int | float]) -> None:
        self.masks = {name: mask for name, mask in state.items() if isinstance(mask, Tensor)}
