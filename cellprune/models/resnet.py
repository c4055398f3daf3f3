"""Residual networks: ResNet-20 in the two forms that the literature mixes, ResNet-18 and ResNet-50 with both stems.

Source: He, Zhang, Ren, Sun, CVPR 2016 (arXiv:1512.03385), section 4.2 (ResNet-20) and table 1 (the others).
Note: the paper's ResNet-20 has shortcuts without parameters (option A); some of the published tables of pruning are of
    one whose shortcuts are 1x1 convolutions where the shape changes (option B). They differ by 1 % of the weights.
"""

from collections.abc import Sequence
from typing import Any, Literal, cast

from torch import Tensor, nn
from torch.nn import functional as F

from cellprune.machine.torchvision import ensure_torchvision
from cellprune.models.levels import Leveled, Stem, checked

Shortcut = Literal["padding", "projection"]
_STAGES = (64, 128, 256, 512)


def build(*, in_channels: int = 3, classes: int = 10, width: int = 16, widths: Sequence[int] | None = None) -> Leveled:
    """Build the ResNet-20 with option A's shortcuts; 269,722 parameters by default.

    Args:
        in_channels: channels of the image.
        classes: logits that come out.
        width: channels of the first stage; the second and third have two and four times as many.
        widths: channels of each of the three stages, none fewer than the one before; they take the place of `width`.
    """
    return _resnet20(in_channels, classes, width, widths, "padding")


def projection(
    *, in_channels: int = 3, classes: int = 10, width: int = 16, widths: Sequence[int] | None = None
) -> Leveled:
    """Build the ResNet-20 whose shortcuts are projections where the shape changes; 272,474 parameters by default.

    Args:
        in_channels, classes, width, widths: as `build` takes them.
    """
    return _resnet20(in_channels, classes, width, widths, "projection")


def resnet18(
    *, in_channels: int = 3, classes: int = 10, stem: Stem = "small", widths: Sequence[int] | None = None
) -> nn.Module:
    """Build torchvision's ResNet-18.

    Args:
        in_channels: channels of the image.
        classes: logits that come out.
        stem: "large" is torchvision's, for images of about 224 px: a 7x7 convolution and a pooling, both of stride 2.
            "small" is one 3x3 convolution, and no pooling after it.
        widths: channels of each of the four stages; none for torchvision's, 64 to 512.
    """
    return _torchvisions("resnet18", in_channels, classes, stem, widths)


def resnet50(
    *, in_channels: int = 3, classes: int = 10, stem: Stem = "small", widths: Sequence[int] | None = None
) -> nn.Module:
    """Build torchvision's ResNet-50.

    Args:
        in_channels, classes, stem: as `resnet18` takes them.
        widths: channels of the 3x3 convolutions of each of the four stages; four times as many leave the stage. None
            for torchvision's, 64 to 512.
    """
    return _torchvisions("resnet50", in_channels, classes, stem, widths)


def _torchvisions(name: str, in_channels: int, classes: int, stem: Stem, widths: Sequence[int] | None) -> nn.Module:
    ensure_torchvision()
    from torchvision import models

    network: Any = getattr(models, name)(weights=None, num_classes=classes)
    network.widths = _STAGES if widths is None else checked(widths, 4)
    if stem == "small":
        network.conv1 = nn.Conv2d(in_channels, network.widths[0], kernel_size=3, padding=1, bias=False)
        network.maxpool = nn.Identity()
    else:
        network.conv1 = nn.Conv2d(in_channels, network.widths[0], kernel_size=7, stride=2, padding=3, bias=False)
    if widths is None:
        nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out")  # as all other convolutions of this network
    else:
        _widen(network, classes)
    return cast(nn.Module, network)


def _widen(network: Any, classes: int) -> None:
    """Make the layers of one of torchvision's networks anew, of other widths, and draw them as it does."""
    network.inplanes = network.widths[0]
    network.bn1 = nn.BatchNorm2d(network.inplanes)
    for stage, width in enumerate(network.widths):
        blocks = getattr(network, f"layer{stage + 1}")
        made = network._make_layer(type(blocks[0]), width, len(blocks), stride=2 if stage else 1)
        setattr(network, f"layer{stage + 1}", made)
    network.fc = nn.Linear(network.inplanes, classes)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def _resnet20(in_channels: int, classes: int, width: int, widths: Sequence[int] | None, shortcut: Shortcut) -> Leveled:
    """A stem, three stages of three blocks, one linear layer."""
    levels = checked([width, 2 * width, 4 * width] if widths is None else widths, 3)
    blocks = []
    channels = levels[0]
    for stage, outputs in enumerate(levels):
        for block in range(3):
            blocks.append(Block(channels, outputs, stride=2 if stage > 0 and block == 0 else 1, shortcut=shortcut))
            channels = outputs
    network = Leveled(
        nn.Conv2d(in_channels, levels[0], kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(levels[0]),
        nn.ReLU(),
        *blocks,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(channels, classes),
    )
    network.widths = levels
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight)
    return network


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut, which fits the block's input to the shape of its output.

    "padding" drops every second pixel and adds channels of zeros; "projection" is a strided 1x1 convolution and a norm.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, shortcut: Shortcut = "padding") -> None:
        super().__init__()
        self.shortcut: nn.Module = nn.Identity()
        if (inputs, stride) != (outputs, 1):
            self.shortcut = Padding(outputs - inputs, stride) if shortcut == "padding" else _project(inputs, outputs)
        self.residual = nn.Sequential(
            nn.Conv2d(inputs, outputs, kernel_size=3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Add the residual to the shortcut: (N, inputs, H, W) -> (N, outputs, H / stride, W / stride)."""
        return self.relu(self.residual(x) + self.shortcut(x))


class Padding(nn.Module):
    """Every `stride`-th pixel, and `missing` channels of zeros, half of them before the others."""

    def __init__(self, missing: int, stride: int) -> None:
        super().__init__()
        self.before = missing // 2
        self.after = missing - self.before
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Fit the shape: (N, C, H, W) -> (N, C + missing, H / stride, W / stride)."""
        return F.pad(x[..., :: self.stride, :: self.stride], (0, 0, 0, 0, self.before, self.after))

    def keep_channels(self, read: Tensor, made: Tensor) -> None:
        """Forget channels of zeros; see `structure.channels.Counting`."""
        after = len(made) - self.after
        self.before, self.after = int(made[: self.before].sum()), int(made[after:].sum())


def _project(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel_size=1, stride=2, bias=False), nn.BatchNorm2d(outputs))
