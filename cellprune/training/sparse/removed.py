"""Masks that are no more: what they removed has been taken out of the network, and nothing is left to hold."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from cellprune.runs import maskfile


class Removed:
    """Trains what is left as it is; a resume with other masks, thus of another network, is refused."""

    def __init__(self, masks: Mapping[str, Tensor]) -> None:
        """Args: masks: of the whole network, for the record."""
        self.masks = dict(masks)

    def start(self, model: nn.Module, optimizer: Optimizer) -> None:
        """Nothing: what was removed is not there."""

    def before_step(self, step: int, model: nn.Module, optimizer: Optimizer) -> bool:
        return True

    def after_step(self, step: int, model: nn.Module, optimizer: Optimizer) -> None:
        """Nothing."""

    def state(self) -> dict[str, Tensor | int | float]:
        digest = maskfile.digest({name: mask.cpu().numpy() for name, mask in self.masks.items()})
        return {"masks_sha256": torch.from_numpy(np.frombuffer(bytes.fromhex(digest), np.uint8).copy())}

    def load_state(self, state: dict[str, Tensor | int | float]) -> None:
        ours, theirs = self.state()["masks_sha256"], state.get("masks_sha256")
        if not (isinstance(ours, Tensor) and isinstance(theirs, Tensor) and torch.equal(ours, theirs)):
            raise ValueError("it was trained under other masks")
