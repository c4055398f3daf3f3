"""Small networks of every kind that channels are followed through, those of the library among them."""

import pytest
import torch
from reference_pruning import EveryKind
from torch import nn
from torch.nn import functional as F

from cellprune.models import build, resnet, vgg


class Branches(nn.Module):
    """Depthwise, grouped and transposed grouped convolutions, a gate by its channels, and a flattened end."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 6, 3, padding=1)
        self.depthwise = nn.Conv2d(6, 12, 3, padding=1, groups=6)
        self.slope = nn.PReLU(12)
        self.grouped = nn.Conv2d(12, 8, 3, padding=1, groups=2)
        self.norm = nn.BatchNorm2d(8)
        self.up = nn.ConvTranspose2d(8, 6, 2, stride=2, groups=2)
        self.fine = nn.ConvTranspose2d(6, 6, 2, stride=2, groups=6)
        self.gate = nn.Linear(6, 6)
        self.head = nn.Linear(6 * 4, 3)

    def forward(self, x):
        x = self.norm(self.grouped(self.slope(self.depthwise(self.stem(x)))))
        x = self.fine(self.up(x))
        x = x * torch.sigmoid(self.gate(x.mean((2, 3))))[:, :, None, None]
        return self.head(F.adaptive_avg_pool2d(x, 2).flatten(1))


NETWORKS = {
    "unet": (lambda: build({"name": "unet", "width": 4, "depth": 2}), (1, 16, 16)),
    "group": (lambda: build({"name": "unet", "width": 16, "depth": 2, "norm": "group"}), (1, 16, 16)),
    "instance": (lambda: build({"name": "unet", "width": 4, "depth": 2, "norm": "instance"}), (1, 17, 20)),
    "valid": (lambda: build({"name": "unet", "width": 4, "depth": 1, "norm": "none", "padding": "valid"}), (1, 20, 9)),
    "resnet20": (lambda: resnet.build(width=4), (3, 32, 32)),
    "resnet20-projection": (lambda: resnet.projection(width=4), (3, 8, 8)),
    "vgg16": (lambda: vgg.vgg16(width=4), (3, 32, 32)),
    "every kind": (EveryKind, (2, 6, 6)),
    "branches": (Branches, (2, 6, 6)),
}
LIBRARY = ("smp:unet/resnet18", "smp:unet/mobilenet_v2", "smp:unet/efficientnet-b0", "smp:unetplusplus/resnet18",
           "smp:fpn/resnet18")  # fmt: skip
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in LIBRARY]


def case(name):
    torch.manual_seed(0)
    make, size = NETWORKS.get(name) or (lambda: build({"name": name}), (1, 64, 64))
    return make(), torch.randn(1, *size)


def some(channels, seed=0):
    """Draw which channels stay: about half, and in each layer one at least, which is not always its first."""
    kept = torch.rand(channels.count, generator=torch.Generator().manual_seed(seed)) > 0.5
    for made in channels.layers().values():
        kept[made[-seed]] = True
    return kept
