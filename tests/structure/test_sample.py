"""The smallest sample that a network can be looked at with; what is made by it is the same."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cellprune.models import build
from cellprune.structure import compact
from cellprune.structure.comparing import drawn
from cellprune.structure.sample import smallest_sample


def unet(**settings):
    return build({"name": "unet", "width": 2, "depth": 2, **settings})


@pytest.mark.parametrize(
    ("model", "size", "smallest"),
    [
        (unet(), (1, 64, 128), (16, 32)),  # the deepest maps then have 4 x 8 pixels
        (unet(), (1, 52, 50), (26, 25)),  # an odd side cannot be halved
        (unet(depth=4), (1, 32, 32), (32, 32)),  # its deepest maps have two pixels already
        (nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2)),
         (1, 64, 64), (4, 4)),
        (nn.Sequential(nn.Conv2d(1, 1, 1), nn.Flatten(), nn.Linear(64, 2)), (1, 8, 8), (8, 8)),
        (nn.Sequential(nn.Linear(8, 2)), (8,), ()),
    ],
    ids=["halved", "odd", "small", "pooled", "one size", "no maps"],
)  # fmt: skip
def test_maps_are_halved_while_the_smallest_keeps_a_middle(model, size, smallest):
    sample = smallest_sample(model, torch.randn(3, *size))
    assert sample.shape == (1, *size[: len(size) - len(smallest)], *smallest)


class Bordered(nn.Module):
    """The middle of its map is a constant, and its border, three pixels wide, another one."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(1, 2, 1), nn.Conv2d(2, 1, 1)

    def forward(self, x):
        return self.last(F.pad(self.first(x)[..., 3:-3, 3:-3], (3, 3, 3, 3)))


def test_what_is_made_by_it_is_the_same(monkeypatch):
    inputs = torch.randn(1, 1, 64, 64).double()
    for model in (unet(depth=1).double(), Bordered().double()):
        model.load_state_dict(drawn(model.state_dict(), model))
        masks = {name: torch.rand(p.shape) < 0.3 for name, p in model.named_parameters() if p.dim() == 4}
        small = compact.compacted(model, inputs, masks)
        with monkeypatch.context() as patch:
            patch.setattr(compact, "smallest_sample", lambda model, inputs: inputs)
            whole = compact.compacted(model, inputs, masks)
        assert small.stayed == whole.stayed
        theirs = whole.network.state_dict()
        for name, tensor in small.network.state_dict().items():
            assert torch.equal(tensor, theirs[name])
