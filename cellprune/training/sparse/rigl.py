"""RigL: weights grow where the gradient of the current batch, taken at the sparse network, is largest.

Source: Evci et al., ICML 2020 (arXiv:1911.11134), algorithm 1: an update takes the place of an optimizer step.
Note: a channel without any weight that feeds a batch norm gets gradients enlarged by about 1 / sqrt(eps), so dead
    channels are preferred; `revive_dead=False` keeps them dead.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from cellprune.training.sparse import exchange
from cellprune.training.sparse.exchange import Initial
from cellprune.training.stages import Stage, TrainingRequest


def stages(
    model: nn.Module,
    request: TrainingRequest,
    *,
    initial: Initial = "erk",
    update_until: float = 0.75,
    update_every: int | None = None,
    drop_fraction: float = 0.3,
    revive_dead: bool = True,
) -> list[Stage]:
    """Train once, from a random mask on, growing by gradient.

    Args:
        model: the network that will be trained.
        request: what is asked for.
        initial: "erk", or "uniform" for the same share in every layer.
        update_until: share of the training after which masks stay.
        update_every: steps between updates; None for some thirty of them, at most 100 steps apart.
        drop_fraction: share of a layer's weights in the first exchange; it falls to 0 as a cosine.
        revive_dead: whether weights may grow in a channel that has none left.
    Raises:
        CellpruneError: no update fits into the training.
    """
    return exchange.stages(
        model,
        request,
        by_gradient,
        initial=initial,
        update_until=update_until,
        update_every=update_every,
        drop_fraction=drop_fraction,
        revive_dead=revive_dead,
        takes_step=True,
    )


def by_gradient(done: int, weights: Mapping[str, nn.Parameter]) -> dict[str, Tensor]:
    """Want each entry as much as its gradient is large; a weight that the loss never sees has none."""
    return {
        name: torch.zeros_like(weight) if weight.grad is None else weight.grad.abs() for name, weight in weights.items()
    }
