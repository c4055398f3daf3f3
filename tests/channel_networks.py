"""Small networks of every kind that channels are followed through, those of the library among them."""

import random

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
    "vgg16, large": (lambda: vgg.vgg16(classes=3, stem="large", width=1), (3, 32, 32)),
    "every kind": (EveryKind, (2, 6, 6)),
    "branches": (Branches, (2, 6, 6)),
}
DEEP = {
    "resnet50": (lambda: resnet.resnet50(classes=3, stem="large", widths=(2, 4, 4, 6)), (3, 32, 32)),
}
LIBRARY = ("smp:unet/resnet18", "smp:unet/mobilenet_v2", "smp:unet/efficientnet-b0", "smp:unetplusplus/resnet18",
           "smp:fpn/resnet18")  # fmt: skip
MONAIS = {
    "BasicUNet": {"in_channels": 1, "out_channels": 2, "features": (4, 4, 8, 8, 16, 4)},
    "BasicUNetPlusPlus": {"in_channels": 1, "out_channels": 2, "features": (4, 4, 8, 8, 16, 4)},
    "UNet": {"in_channels": 1, "out_channels": 2, "channels": (4, 8, 16), "strides": (2, 2), "num_res_units": 1},
    "AttentionUnet": {"in_channels": 1, "out_channels": 2, "channels": (4, 8, 16), "strides": (2, 2)},
    "SegResNet": {"init_filters": 8, "in_channels": 1, "out_channels": 2},
    "DynUNet": {
        "in_channels": 1,
        "out_channels": 2,
        "kernel_size": [3] * 3,
        "strides": [1, 2, 2],
        "upsample_kernel_size": [2, 2],
        "filters": [4, 8, 16],
    },
    "DenseNet": {"in_channels": 1, "out_channels": 2, "init_features": 8, "growth_rate": 4, "block_config": (2, 2)},
}
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in (*DEEP, *LIBRARY, *MONAIS)]


def case(name):
    torch.manual_seed(0)
    if name in MONAIS:
        from monai.networks import nets

        return getattr(nets, name)(2, **MONAIS[name]), torch.randn(1, 1, 32, 32)
    make, size = (NETWORKS | DEEP).get(name) or (lambda: build({"name": name}), (1, 64, 64))
    return make(), torch.randn(1, *size)


def some(channels, seed=0):
    """Draw which channels stay: about half, and in each layer one at least, which is not always its first."""
    kept = torch.rand(channels.count, generator=torch.Generator().manual_seed(seed)) > 0.5
    for made in channels.layers().values():
        kept[made[-seed]] = True
    return kept


def unet():
    """Give a U-Net, and a batch of its images."""
    torch.manual_seed(0)
    data = [(torch.randn(2, 1, 16, 16), torch.randint(0, 2, (2, 16, 16)))]
    return build({"name": "unet", "width": 4, "depth": 2}), data


def residual():
    """Give a residual network, and a batch of its images."""
    torch.manual_seed(0)
    return resnet.build(width=4, classes=3), [(torch.randn(6, 3, 8, 8), torch.arange(6) % 3)]


class Drawn(nn.Module):
    """A network of steps, each on the last map and sometimes an earlier one of the same pixels; two outputs.

    Args:
        steps: names of steps, as `STEPS` has them.
        seed: decides channels, groups and which earlier map is taken.
    """

    def __init__(self, steps, seed):
        super().__init__()
        draws = random.Random(seed)
        torch.manual_seed(seed)
        self.layers, self.takes, channels = nn.ModuleList(), [], [2]
        for step in ("convolution", *steps):
            have = channels[-1]
            earlier = draws.randrange(len(channels))
            if step in ("add", "gate"):
                earlier = draws.choice([i for i, n in enumerate(channels) if n == have])
            layer, made = STEPS[step](have, draws)
            self.layers.append(layer)
            self.takes.append((step, earlier))
            channels.append(have + channels[earlier] if step == "concatenation" else made)
        self.map = nn.Conv2d(channels[-1], 2, 1)
        self.classes = nn.Linear(4 * channels[-1], 3)

    def forward(self, x):
        maps = [x]
        for layer, (step, earlier) in zip(self.layers, self.takes, strict=True):
            x, other = layer(maps[-1]), maps[earlier]
            if step == "add":
                x = x + other
            elif step == "gate":
                x = x * torch.sigmoid(other.mean((2, 3), keepdim=True))
            elif step == "concatenation":
                x = torch.cat([other, x], 1)
            maps.append(x)
        return {"map": self.map(x), "classes": self.classes(F.adaptive_avg_pool2d(x, 2).flatten(1))}


def _convolution(have, draws):
    made = draws.choice([2, 4, 6])
    return nn.Conv2d(have, made, 3, padding=1, padding_mode=draws.choice(["zeros", "reflect"]),
                     bias=draws.random() < 0.5), made  # fmt: skip


def _transposed(have, draws):
    made = draws.choice([2, 4, 6])
    groups = draws.choice([1, 2])
    return nn.Sequential(nn.ConvTranspose2d(have, made, 2, stride=2, groups=groups), nn.MaxPool2d(2)), made


STEPS = {
    "convolution": _convolution,
    "one": lambda n, draws: (nn.Conv2d(n, made := draws.choice([2, 4]), 1), made),
    "grouped": lambda n, draws: (nn.Conv2d(n, made := draws.choice([2, 4]), 3, padding=1, groups=2), made),
    "depthwise": lambda n, draws: (nn.Conv2d(n, made := n * draws.choice([1, 2]), 3, padding=1, groups=n), made),
    "transposed": _transposed,
    "batch": lambda n, draws: (nn.BatchNorm2d(n), n),
    "batch, bare": lambda n, draws: (nn.BatchNorm2d(n, affine=False), n),
    "instance": lambda n, draws: (nn.InstanceNorm2d(n, affine=draws.random() < 0.5), n),
    "group": lambda n, draws: (nn.GroupNorm(2, n, affine=draws.random() < 0.5), n),
    "relu": lambda n, draws: (nn.ReLU(), n),
    "silu": lambda n, draws: (nn.SiLU(), n),
    "prelu": lambda n, draws: (nn.PReLU(n), n),
    "dropout": lambda n, draws: (nn.Dropout2d(), n),
    "halved": lambda n, draws: (nn.Sequential(nn.AvgPool2d(2), nn.Upsample(scale_factor=2, mode="bilinear")), n),
    "add": lambda n, draws: (nn.Identity(), n),
    "gate": lambda n, draws: (nn.Identity(), n),
    "concatenation": lambda n, draws: (nn.Identity(), n),
}
