"""SET: weights grow at random places, the control of every rule that chooses them.

Source: Mocanu et al., Nature Communications 2018 (arXiv:1707.04780), as Evci et al. (arXiv:1911.11134) run it.
Note: the original drops the smallest positive and the largest negative weights after each epoch; here the smallest in
    size go, on the schedule of RigL. An update follows an optimizer step and takes no one's place.
"""

from collections.abc import Mapping

import numpy as np
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
) -> list[Stage]:
    """Train once, from a random mask on, growing at random; the arguments are those of `rigl.stages`."""

    def by_chance(done: int, weights: Mapping[str, nn.Parameter]) -> dict[str, Tensor]:
        return draws(request.seed, done, weights)

    return exchange.stages(
        model,
        request,
        by_chance,
        initial=initial,
        update_until=update_until,
        update_every=update_every,
        drop_fraction=drop_fraction,
        takes_step=False,
    )


def draws(seed: int, done: int, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Draw a number for every entry from (seed, steps done) alone, the same on every device and in every process."""
    words = np.random.SeedSequence((seed, done)).generate_state(1, np.uint64)
    generator = torch.Generator().manual_seed(int(words[0] >> np.uint64(1)))
    return {
        name: torch.rand(weight.shape, generator=generator, dtype=torch.float64).to(weight.device)
        for name, weight in weights.items()
    }
