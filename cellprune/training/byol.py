"""BYOL: a network learns without truth, by predicting what an average of its older weights makes of another view.

Source: Grill et al. 2020 (arXiv:2006.07733): the loss is equation 2, made symmetric; the target's weights are equation
    1, with the course of tau of section 3.2; projection and prediction are the heads of section 3.2.
Note: the heads are narrower (512 and 128 in place of 4096 and 256) as our networks and sets are small. Both views go
    through a network as one batch, so that a batch norm of a small batch sees more images.
"""

import math
from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

from cellprune.training.representation import Representation

_HIDDEN, _PROJECTED = 512, 128


class Byol(nn.Module):
    """Everything that is trained, and the target that follows it.

    Args:
        representation: of the network that is to be pretrained.
        size: of its vectors.
    """

    def __init__(self, representation: Representation, size: int) -> None:
        super().__init__()
        self.online = nn.Sequential(representation, head(size))
        self.predict = head(_PROJECTED)
        self.target = deepcopy(self.online).requires_grad_(False)

    def forward(self, views: Tensor) -> Tensor:
        """Give the loss of each view: (2 N,), of (2 N, C, H, W), the first views of N images and then the second."""
        predicted = self.predict(self.online(views))
        with torch.no_grad():
            other_view = self.target(views).roll(len(views) // 2, dims=0)
        return regression(predicted, other_view)


class Following:
    """Moves the target after the network at each step; a `MaskPolicy` without masks.

    Args:
        momentum: tau at the first step; it rises to 1 as a cosine.
        steps: of the whole training.
    """

    def __init__(self, momentum: float, steps: int) -> None:
        self.masks: dict[str, Tensor] = {}
        self._momentum, self._steps = momentum, steps

    def start(self, model: nn.Module, optimizer: Optimizer) -> None:
        """Nothing: the target is part of the model."""

    def before_step(self, step: int, model: nn.Module, optimizer: Optimizer) -> bool:
        return True

    @torch.no_grad()
    def after_step(self, step: int, model: nn.Module, optimizer: Optimizer) -> None:
        assert isinstance(model, Byol)
        tau = 1 - (1 - self._momentum) * (math.cos(math.pi * step / self._steps) + 1) / 2
        for target, online in zip(model.target.parameters(), model.online.parameters(), strict=True):
            target.lerp_(online, 1 - tau)

    def state(self) -> dict[str, Tensor | int | float]:
        return {}

    def load_state(self, state: dict[str, Tensor | int | float]) -> None:
        """Nothing: it has none."""


def head(size: int) -> nn.Sequential:
    """Build a projection, or a prediction, of vectors of this size."""
    return nn.Sequential(nn.Linear(size, _HIDDEN), nn.BatchNorm1d(_HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, _PROJECTED))


def regression(predicted: Tensor, target: Tensor) -> Tensor:
    """Squared distance of the normalized vectors, 2 - 2 cos: (N,) float32 from 0 to 4, of two (N, size)."""
    return 2 - 2 * F.cosine_similarity(predicted.float(), target.float(), dim=1)


def mean_of_both(losses: Tensor, _: Tensor) -> Tensor:
    """Sum the losses of an image's two views, mean over images: a `training.fit.Loss`."""
    return 2 * losses.mean()
