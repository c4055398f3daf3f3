"""Training what is left of a network: as the masked one trains, and with no other masks on a resume."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from cellprune.config.training import Training
from cellprune.models.unet import build
from cellprune.pruning.prune import prune
from cellprune.structure.shrink import shrunk
from cellprune.training.accelerator import start
from cellprune.training.fit import fit
from cellprune.training.sparse.removed import Removed
from cellprune.training.sparse.static import Static


class Batches:
    def __init__(self, epoch: int, rank: int, n_processes: int) -> None:
        self.epoch = epoch

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        generator = torch.Generator().manual_seed(self.epoch)
        for _ in range(3):
            yield torch.randn(2, 1, 8, 8, generator=generator).double(), torch.randint(0, 2, (2, 8, 8))

    def __len__(self) -> int:
        return 3


class Nowhere:
    def save_state(self, *state: object) -> None: ...

    def save_rewind(self, *state: object) -> None: ...

    def write_metrics(self, *epochs: object) -> None: ...


def test_the_smaller_network_trains_as_the_masked_one() -> None:
    torch.manual_seed(0)
    model, inputs = build(width=6, depth=1).double(), torch.randn(1, 1, 8, 8).double()
    masks = prune(model, method="random", sparsity=0.5, granularity="channel", batches=[(inputs, None)])
    small = shrunk(model, masks, inputs)
    lost = []
    for network, policy in ((model, Static(masks)), (small.network, Removed(masks))):
        settings = Training(learning_rate=0.01, weight_decay=0.1)
        epochs = fit(network, policy, Batches, settings=settings, epochs=1, seed=0, loss=F.cross_entropy,
                     evaluate=lambda _: {}, accelerator=start("cpu"), store=Nowhere())  # fmt: skip
        lost.append((epochs[0].loss, epochs[0].sparsity))
    assert lost[1] == pytest.approx(lost[0], rel=1e-12)
    assert lost[0][1] > 0.4
    masked = dict(model.named_parameters())
    for name, parameter in small.network.named_parameters():
        of = {axis: left.nonzero().squeeze(1) for axis, left in small.positions.of.get(name, {}).items()}
        part = masked[name]
        for axis, left in of.items():
            part = part.index_select(axis, left)
        assert torch.allclose(parameter, part, rtol=1e-9, atol=1e-11), name


def test_a_state_of_other_masks_is_none_of_this_training() -> None:
    masks = {"weight": torch.tensor([[True, False]])}
    state = Removed(masks).state()
    Removed(masks).load_state(state)
    for other in ({"weight": torch.tensor([[False, True]])}, {}):
        with pytest.raises(ValueError, match="under other masks"):
            Removed(other).load_state(state)
    with pytest.raises(ValueError, match="under other masks"):
        Removed(masks).load_state(Static(masks).state())
